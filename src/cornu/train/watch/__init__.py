"""What watches over a training: before it, at each step, and when it is interrupted."""
