"""Many clips, many workers: everything here is made of `vidfx.parts`.

jobfile.py   JOBS.toml -> jobs     a clip and a style each, checked before anything begins
tasks.py     what a worker is asked to do: plan a job, paint a part, stitch a film
local.py     worker processes on this machine, one device each
ray.py       the same tasks on a Ray cluster
batch.py     jobs -> films         hands out tasks, tries again, sums up
folder.py    a job as a folder that any host of a render farm can work in
openjd.py    that folder as an Open Job Description bundle
"""
