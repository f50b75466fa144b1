"""The shop played at random, and the shop struck by every fault we can name (模拟).

- `world` plays people, admins, WeChat and the scheduler from one seed: they join, buy,
  pay (late, twice, too little), refund, withdraw, approve and refuse; notices are lost
  and doubled, answers unclear. After each batch every invariant must hold. All goes
  through the services and jobs of the product; the clock is the simulation's.
- `books` writes down what came of it in a canonical form, without ids and numbers
  that chance made: the same seed gives the same digest on both engines, and with
  database faults (`faults`) thrown in as without.
- `seeds` plays many worlds on a database that is out of order at times: deadlocks, a full
  disk, a server that takes no writes, processes killed on either side of a commit,
  commits whose answer is lost, clocks that are wrong. The books must stay sound.
- `story` is one sale from the order to the payout, written so that it may be played
  again from its start; `strikes` kills, stops and doubles the processes that play it,
  at every boundary of a unit of work, and compares the books.
- `outages` kills the database server under it, a single one and the writer of a cluster.
- `wechat` is WeChat behind the ports of the domains.

    scripts/simulate --seed 7 --steps 3000            one run on SQLite
    scripts/simulate --seed 7 --steps 3000 --engine mariadb --faults
    scripts/simulate --seeds 1-200 --steps 25
    scripts/simulate --strikes                        every strike, on MariaDB
    scripts/simulate --outages                        servers that fall

A run prints one JSON line; exit 1 says that an invariant broke, and at which step.
"""
