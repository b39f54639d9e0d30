"""`make demo`: Jitney's main job, step by step. Every step is checked. A failed check ends the demo."""
