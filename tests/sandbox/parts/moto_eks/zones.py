"""Zone names as some accounts have them: `us-east-1a` is another place in each ("AZ IDs for your AWS resources", AWS RAM User
Guide). moto has the place in which EKS makes no control planes as `us-east-1e`, which nobody who takes the first zones ever
comes to; here it is `us-east-1a`, as in many accounts."""

from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

# EKS makes no control planes in it ("VPC and subnet requirements").
SHUNNED = "use1-az3"


def install() -> None:
    """Gives the first zone of us-east-1 the id of the shunned one, and that one its own."""
    zones = RegionsAndZonesBackend.zones["us-east-1"]
    first, shunned = zones[0], next(zone for zone in zones if zone.zone_id == SHUNNED)
    first.zone_id, shunned.zone_id = shunned.zone_id, first.zone_id
