"""moto with what `kubectl eks-encrypt create` needs and moto has not: CloudFormation's EKS types, an event for each
resource, and rollback. For tests alone; started as `python3 -m moto_eks -H ADDRESS -p PORT`."""
