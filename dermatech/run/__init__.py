"""`make run`: prepare one machine, start and supervise its processes, show one consultation."""
