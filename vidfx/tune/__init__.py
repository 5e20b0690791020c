"""`vidfx tune`: a local web page on which a person finds the look, painted by the very stages of a render.

start.py      from a clip and an address to a server that runs
server.py     the application: routes behind a guard        guard.py      who may ask at all
asked.py      what the page may ask for                     tuning.py     what one server is about
shown.py      the page, the clip, the filmstrip             scan.py       shot marks and the strip's pictures
painted.py    pictures, loops, cards, sheets, as a stream   records.py    of records
desk.py       one worker; what nobody waits for is dropped
window.py     what of a frame is painted: all, reduced, a part
painter.py    a look on a frame or a loop                   reader.py     frame N of a clip, exactly
cache.py      pictures kept, bounded in bytes
commands.py   the render, said and run                      command.py    its words
rendering.py  a render in a process of its own              page/         the page itself
"""
