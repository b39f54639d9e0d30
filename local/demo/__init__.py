"""`make demo`: the main job told step by step, every step checked; it ends with an error where one is not as told."""
