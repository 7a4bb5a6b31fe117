"""Photos in parts over a bad network: tus 1.0 (https://tus.io), resumable at any byte.

The row is the truth: how many bytes are there, in which files, who appends. The files lie in the photo
store (folder or S3), sealed as photos are, so that any web process on any machine goes on where another
stopped. What is complete goes the way of every photo.
"""
