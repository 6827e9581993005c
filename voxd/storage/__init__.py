"""What outlives a call: speech that was rendered, phrases on disk; later the records of calls.

Nothing here is in a turn's path: the disk is read before the first call and written after.
"""
