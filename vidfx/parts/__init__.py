"""A render as a list of parts: runs of frames painted to files of their own, then joined without encoding again.

    plan.py      job -> plan           which frames each part holds, from the source's packets
    work.py      plan, k -> part file  paints one part; the same call again finds it done
    stitch.py    part files -> film    joins them packet for packet, and copies everything else from the source once
    journal.py   the work folder of a render beside its output: what is done, and the lock
    packets.py   the part file itself

`render`, `batch` and `farm` are all made of these.
"""
