"""`make demo`: Jitney's main job, step by step. Every step is checked, and a failed check ends the demo."""
