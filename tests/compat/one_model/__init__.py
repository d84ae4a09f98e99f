"""One world, four faces: what there is as a test knows it, how each face tells it, and a machine that changes it."""
