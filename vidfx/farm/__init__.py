"""Many clips, many workers: everything here is made of `vidfx.parts`.

jobfile.py   JOBS.toml -> jobs     a clip and a style each, checked before anything begins
tasks.py     what a worker is asked to do: plan a job, paint a part, stitch a film
local.py     worker processes on this machine, one device each
ray.py       the same tasks on a Ray cluster
freight.py   what travels to hosts that do not see the files, and back
record.py    what a batch has made, for the next run
batch.py     jobs -> films         hands out tasks, tries again, sums up
folder.py    a job as a folder that any host of a render farm can work in
host.py      what a host does in it: paint parts, count them
openjd.py    that folder as an Open Job Description bundle
"""
