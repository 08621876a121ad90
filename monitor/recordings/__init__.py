"""What was recorded or simulated: trials in files, a simulated walker, how the detector scores on them."""
