"""Every fault of the game day, by name."""

from game_day.faults import backends, monitoring, network, operator_killed, people, processes, redis, resources, traffic

ALL = (
    *network.FAULTS,
    *processes.FAULTS,
    *resources.FAULTS,
    *backends.FAULTS,
    *traffic.FAULTS,
    *redis.FAULTS,
    *people.FAULTS,
    *monitoring.FAULTS,
    *operator_killed.FAULTS,
)
BY_NAME = {fault.name: fault for fault in ALL}
