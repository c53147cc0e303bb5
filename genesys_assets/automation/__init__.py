"""When things run: jobs, schedules, sensors and automation conditions. What runs is in `assets`."""
