"""A render as a list of parts: runs of frames painted to files of their own, then joined without encoding again.

    plan.py      job -> plan           which frames each part holds, from the source's packets
    origin.py    what a plan was made for: the source's and the matte's fingerprints, the plan's name
    work.py      plan, k -> part file  paints one part; the same call again finds it done
    cut.py       frames -> part files  encodes, and cuts where a part ends
    stitch.py    part files -> film    joins them packet for packet, and copies everything else from the source once
    join.py      the packets of one part after those of another
    journal.py   the work folder of a render beside its output: what is done
    lock.py      one render of an output at a time
    packets.py   the part file itself

`render`, `batch` and `farm` are all made of these.
"""
