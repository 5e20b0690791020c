"""`vidfx tune`: a local web page on which a person finds the look, painted by the very stages of a render.

cache.py      pictures kept, bounded in bytes          reader.py    frame N of a clip, exactly
painter.py    a look on a frame, a loop or a sheet     scan.py      shot marks and the filmstrip
desk.py       one worker; what nobody waits for is dropped
asked.py      what the page may ask for                command.py   the command line for what is on screen
rendering.py  a render in a process of its own         guard.py     who may ask at all
server.py     the routes; page/ is the page itself
"""
