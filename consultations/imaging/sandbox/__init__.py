"""What runs in the decoding child: pixels and nothing else.

No module here imports Django, reads a setting or opens a file. The child is started as
`python -I sandbox/`, so imports inside are relative.
"""
