"""The scheduler and its jobs (定时任务).

Any number of schedulers may run: a run is claimed by UNIQUE(job, slot), the
items inside by conditional updates. `runner` claims and keeps the record,
`tasks` lists the jobs, `scheduler` wakes them.
"""
