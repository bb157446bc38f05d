"""An AWS account of the suite: moto's server in a process of its own, with what tests need of the real one.

moto lets everybody assume every role and has room for every host; here a role asks for its external id, and the
answers that AWS gives on bad days can be ordered (`faults`). What was asked is kept, field by field (`asked`)."""

import json
import re
import subprocess
import sys
import threading
import urllib.request
from urllib.parse import parse_qsl

from server import free_port, until

REGION = "eu-central-1"
ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/biplane"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIABIPLANETEST00001", "AWS_SECRET_ACCESS_KEY": "operator", "AWS_EC2_METADATA_DISABLED": "true"}


class Cloud:
    def __init__(self, directory, external_id):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        with open(directory / "cloud.log", "ab") as log:
            self.process = subprocess.Popen([sys.executable, __file__, str(self.port), external_id], stdout=log, stderr=log)
        until(self._answers, what="the cloud")

    def _answers(self):
        try:
            return urllib.request.urlopen(f"{self.url}/moto-api/data.json", timeout=5).status == 200
        except OSError:
            return False

    def stop(self):
        self.process.kill()
        self.process.wait()

    @property
    def ec2(self):
        import boto3

        return boto3.client("ec2", endpoint_url=self.url, aws_access_key_id="AKIAOWNER", aws_secret_access_key="owner", region_name=REGION)

    def _call(self, path, body=None):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode() if body is not None else None)
        return json.load(urllib.request.urlopen(request, timeout=10))

    def faults(self, *faults):
        """Each `{action, code, status, where: {field: value}, times}`: answered instead of what moto would say."""
        self._call("/test-faults", list(faults))

    def reclaim(self, *ids):
        """AWS takes spot instances back, and says so."""
        self._call("/test-reclaim", list(ids))

    def asked(self, action):
        """The fields of all requests of this name so far."""
        return [fields for name, fields in self._call("/test-asked") if name == action]

    def image(self):
        """Any image for a machine of this kind."""
        found = self.ec2.describe_images(Filters=[{"Name": "architecture", "Values": ["x86_64"]}, {"Name": "root-device-type", "Values": ["ebs"]}])
        return found["Images"][0]

    def network(self, way_out="nat"):
        """A VPC with two subnets and a security group; `way_out` is where 0.0.0.0/0 goes: nat, igw or None."""
        ec2 = self.ec2
        vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=REGION + zone)["Subnet"]["SubnetId"]
            for block, zone in (("10.1.0.0/24", "a"), ("10.1.16.0/20", "b"))
        ]
        group = ec2.create_security_group(GroupName=f"of-{vpc}", Description="hosts", VpcId=vpc)["GroupId"]
        among = [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=among)
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        for subnet in subnets:
            ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        if way_out == "nat":
            address = ec2.allocate_address(Domain="vpc")["AllocationId"]
            gateway = ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address)["NatGateway"]["NatGatewayId"]
            ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)
        if way_out == "igw":
            gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
            ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
            ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        return {"vpc_id": vpc, "subnet_ids": subnets, "security_group_ids": [group]}


EC2_REFUSAL = "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>1</RequestID></Response>"
STS_REFUSAL = "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"


class Front:
    """In front of moto: remembers what was asked, and refuses what is to be refused."""

    def __init__(self, moto, external_id):
        self.moto, self.external_id = moto, external_id
        self.lock, self.ordered, self.kept = threading.Lock(), [], []

    def __call__(self, environ, start_response):
        import io

        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if environ["PATH_INFO"] == "/test-faults":
            with self.lock:
                self.ordered = json.loads(body)
            return self.answer(start_response, "200 OK", b"{}")
        if environ["PATH_INFO"] == "/test-reclaim":
            reclaim(json.loads(body))
            return self.answer(start_response, "200 OK", b"{}")
        if environ["PATH_INFO"] == "/test-asked":
            with self.lock:
                return self.answer(start_response, "200 OK", json.dumps(self.kept).encode())
        environ["wsgi.input"] = io.BytesIO(body)
        fields = dict(parse_qsl(body.decode(errors="replace")))
        # Only what the server asks: tests ask with a key of their own.
        if "AKIAOWNER" not in environ.get("HTTP_AUTHORIZATION", "") and "Action" in fields:
            if refusal := self.refusal(fields):
                return self.answer(start_response, *refusal)
        return self.moto(environ, start_response)

    def refusal(self, fields):
        action = fields["Action"]
        with self.lock:
            self.kept.append((action, fields))
            if action == "AssumeRole" and fields.get("ExternalId") != self.external_id:
                return self.refused(action, "AccessDenied", 403)
            for fault in self.ordered:
                where = fault.get("where", {}).items()
                if fault["action"] == action and fault.get("times", 1) > 0 and all(re.fullmatch(value, fields.get(name, "")) for name, value in where):
                    fault["times"] = fault.get("times", 1) - 1
                    return self.refused(action, fault["code"], fault.get("status", 400))
        return None

    @staticmethod
    def refused(action, code, status):
        shape = STS_REFUSAL if action == "AssumeRole" else EC2_REFUSAL
        return f"{status} Refused", shape.format(code=code, message=f"{code} was ordered").encode(), "text/xml"

    @staticmethod
    def answer(start_response, status, body, kind="application/json"):
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]


def reclaim(ids):
    from moto.ec2.models import ec2_backends
    from moto.ec2.models.instances import StateReason

    for id in ids:
        instance = ec2_backends[ACCOUNT][REGION].get_instance(id)
        instance.terminate()
        why = "Server.SpotInstanceTermination"
        instance.state_reason = StateReason(f"{why}: Instance terminated due to spot instance interruption", why)


def serve(port, external_id):
    import logging

    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import run_simple

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    moto = DomainDispatcherApplication(create_backend_app)
    run_simple("127.0.0.1", port, Front(moto, external_id), threaded=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
