"""Microsoft's Python clients against azure-sim: every call of theirs that this
project's users are likely to make, and what comes back."""

import base64
import json
import logging
import sys
import time
import unittest
import urllib.request
import ssl
import os

from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.identity import ClientSecretCredential
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient

with open(sys.argv.pop(1), encoding="utf-8") as file:
    ENDPOINT = json.load(file)

# What is refused here is refused on purpose.
logging.getLogger("azure").setLevel(logging.CRITICAL)
REGION = "eastus"
KEY = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGq8Kn0bQWqzUXXPDFIHSmcGhmvtUTmlV6f1gbsBXzGS test"
)


def credential(secret=None):
    return ClientSecretCredential(
        ENDPOINT["tenant"],
        ENDPOINT["client_id"],
        secret or ENDPOINT["client_secret"],
        authority=ENDPOINT["authority"],
        disable_instance_discovery=True,
    )


def client(kind, secret=None):
    return kind(
        credential(secret),
        ENDPOINT["subscription"],
        base_url=ENDPOINT["arm"],
        credential_scopes=[ENDPOINT["audience"].rstrip("/") + "/.default"],
        polling_interval=0.05,
        retry_total=0,
    )


def control(method, path, body=None):
    """A request to the simulator's control endpoint."""
    context = ssl.create_default_context(cafile=os.environ["REQUESTS_CA_BUNDLE"])
    request = urllib.request.Request(
        f"{ENDPOINT['https']}/sim/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, context=context) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def machine(subnet, public=False):
    ip = {"name": "ip", "properties": {"primary": True, "subnet": {"id": subnet}}}
    if public:
        ip["properties"]["publicIPAddressConfiguration"] = {
            "name": "public",
            "sku": {"name": "Standard"},
            "properties": {"deleteOption": "Delete", "publicIPAllocationMethod": "Static"},
        }
    return {
        "location": REGION,
        "tags": {"by": "check"},
        "properties": {
            "hardwareProfile": {"vmSize": "Standard_B1s"},
            "storageProfile": {
                "imageReference": {
                    "publisher": "Canonical",
                    "offer": "ubuntu-24_04-lts",
                    "sku": "server",
                    "version": "latest",
                },
                "osDisk": {"createOption": "FromImage", "deleteOption": "Delete"},
            },
            "osProfile": {
                "computerName": "check",
                "adminUsername": "ubuntu",
                "customData": base64.b64encode(b"#cloud-config\n").decode(),
                "linuxConfiguration": {
                    "disablePasswordAuthentication": True,
                    "ssh": {
                        "publicKeys": [
                            {"path": "/home/ubuntu/.ssh/authorized_keys", "keyData": KEY}
                        ]
                    },
                },
            },
            "networkProfile": {
                "networkApiVersion": "2020-11-01",
                "networkInterfaceConfigurations": [
                    {
                        "name": "nic",
                        "properties": {
                            "primary": True,
                            "deleteOption": "Delete",
                            "ipConfigurations": [ip],
                        },
                    }
                ],
            },
        },
    }


class Clients(unittest.TestCase):
    """Each test has a resource group of its own."""

    def setUp(self):
        self.resources = client(ResourceManagementClient)
        self.network = client(NetworkManagementClient)
        self.compute = client(ComputeManagementClient)
        self.group = f"rg-{self.id().rsplit('.', 1)[1].replace('_', '-')}"
        made = self.resources.resource_groups.create_or_update(
            self.group, {"location": REGION, "tags": {"a": "b"}}
        )
        self.assertEqual(made.properties.provisioning_state, "Succeeded")

    def tearDown(self):
        control("DELETE", "faults")
        self.resources.resource_groups.begin_delete(self.group).result()
        self.assertFalse(self.resources.resource_groups.check_existence(self.group))
        for client in (self.resources, self.network, self.compute):
            client.close()

    def subnet(self):
        nsg = self.network.network_security_groups.begin_create_or_update(
            self.group,
            "nsg",
            {
                "location": REGION,
                "properties": {
                    "securityRules": [
                        {
                            "name": "ssh",
                            "properties": {
                                "priority": 200,
                                "direction": "Inbound",
                                "access": "Allow",
                                "protocol": "Tcp",
                                "sourceAddressPrefix": "*",
                                "sourcePortRange": "*",
                                "destinationAddressPrefix": "*",
                                "destinationPortRange": "22",
                            },
                        }
                    ]
                },
            },
        ).result()
        self.assertEqual(len(nsg.security_rules), 1)
        self.assertGreaterEqual(len(nsg.default_security_rules), 6)
        network = self.network.virtual_networks.begin_create_or_update(
            self.group,
            "net",
            {
                "location": REGION,
                "properties": {
                    "addressSpace": {"addressPrefixes": ["10.64.0.0/18"]},
                    "subnets": [
                        {
                            "name": "default",
                            "properties": {
                                "addressPrefix": "10.64.0.0/24",
                                "networkSecurityGroup": {"id": nsg.id},
                            },
                        }
                    ],
                },
            },
        ).result()
        return network.subnets[0].id

    def make(self, name, **kind):
        poller = self.compute.virtual_machines.begin_create_or_update(
            self.group, name, machine(self.subnet(), **kind)
        )
        return poller.result()

    def power(self, name):
        view = self.compute.virtual_machines.instance_view(self.group, name)
        codes = [status.code for status in view.statuses]
        self.assertIn("ProvisioningState/succeeded", codes)
        return [code for code in codes if code.startswith("PowerState/")]

    def test_groups(self):
        group = self.resources.resource_groups.get(self.group.upper())
        self.assertEqual((group.location, group.tags), (REGION, {"a": "b"}))
        self.resources.resource_groups.update(self.group, {"tags": {"c": "d"}})
        found = self.resources.resource_groups.list(filter="tagName eq 'c' and tagValue eq 'd'")
        self.assertEqual([group.name for group in found], [self.group])
        with self.assertRaises(ResourceNotFoundError) as caught:
            self.resources.resource_groups.get("nothing")
        self.assertEqual(caught.exception.error.code, "ResourceGroupNotFound")

    def test_machine_with_all_that_comes_with_it(self):
        made = self.make("m", public=True)
        self.assertEqual(made.provisioning_state, "Succeeded")
        self.assertEqual(made.tags, {"by": "check"})
        self.assertIsNone(made.os_profile.custom_data)
        self.assertTrue(made.vm_id)
        nic_id = made.network_profile.network_interfaces[0].id
        nic = self.network.network_interfaces.get(self.group, nic_id.rsplit("/", 1)[1])
        self.assertEqual(nic.virtual_machine.id.lower(), made.id.lower())
        ip = nic.ip_configurations[0]
        self.assertTrue(ip.private_ip_address.startswith("10.64.0."))
        public_id = ip.public_ip_address.id
        public = self.network.public_ip_addresses.get(self.group, public_id.rsplit("/", 1)[1])
        self.assertTrue(public.ip_address)
        disk = self.compute.disks.get(self.group, made.storage_profile.os_disk.name)
        self.assertEqual(disk.managed_by.lower(), made.id.lower())
        listed = self.resources.resources.list_by_resource_group(self.group)
        kinds = sorted(item.type.rsplit("/", 1)[1] for item in listed)
        self.assertEqual(
            kinds,
            [
                "disks",
                "networkInterfaces",
                "networkSecurityGroups",
                "publicIPAddresses",
                "virtualMachines",
                "virtualNetworks",
            ],
        )
        self.compute.virtual_machines.begin_delete(self.group, "m").result()
        with self.assertRaises(ResourceNotFoundError):
            self.compute.virtual_machines.get(self.group, "m")
        self.assertEqual(list(self.network.network_interfaces.list(self.group)), [])
        self.assertEqual(list(self.compute.disks.list_by_resource_group(self.group)), [])

    def test_power(self):
        self.make("m")
        machines = self.compute.virtual_machines
        self.assertEqual(self.power("m"), ["PowerState/running"])
        machines.begin_power_off(self.group, "m").result()
        self.assertEqual(self.power("m"), ["PowerState/stopped"])
        machines.begin_start(self.group, "m").result()
        self.assertEqual(self.power("m"), ["PowerState/running"])
        machines.begin_restart(self.group, "m").result()
        machines.begin_deallocate(self.group, "m").result()
        self.assertEqual(self.power("m"), ["PowerState/deallocated"])
        shown = machines.get(self.group, "m", expand="instanceView")
        self.assertEqual(shown.instance_view.statuses[1].code, "PowerState/deallocated")
        everywhere = {
            machine.name: machine.instance_view.statuses[-1].code
            for machine in machines.list_all(status_only="true")
        }
        self.assertEqual(everywhere["m"], "PowerState/deallocated")
        machines.begin_start(self.group, "m").result()
        self.assertEqual(self.power("m"), ["PowerState/running"])

    def test_lists_are_followed_page_by_page(self):
        subnet = self.subnet()
        pollers = [
            self.compute.virtual_machines.begin_create_or_update(
                self.group, f"m{n}", machine(subnet)
            )
            for n in range(5)
        ]
        for poller in pollers:
            poller.result()
        names = [machine.name for machine in self.compute.virtual_machines.list(self.group)]
        self.assertEqual(sorted(names), [f"m{n}" for n in range(5)])
        self.assertEqual(len(list(self.network.network_interfaces.list(self.group))), 5)

    def test_tags_are_patched(self):
        self.make("m")
        self.compute.virtual_machines.begin_update(
            self.group, "m", {"tags": {"x": "y"}}
        ).result()
        self.assertEqual(self.compute.virtual_machines.get(self.group, "m").tags, {"x": "y"})

    def test_creation_only_where_nothing_is(self):
        self.make("m")
        with self.assertRaises(HttpResponseError) as caught:
            self.compute.virtual_machines.begin_create_or_update(
                self.group, "m", machine(self.subnet()), headers={"If-None-Match": "*"}
            )
        self.assertEqual(caught.exception.status_code, 412)

    def test_what_is_in_use_is_not_deleted(self):
        self.make("m")
        nic = next(iter(self.network.network_interfaces.list(self.group)))
        for delete, name, code in [
            (self.network.network_interfaces.begin_delete, nic.name, "NicInUse"),
            (
                self.network.network_security_groups.begin_delete,
                "nsg",
                "InUseNetworkSecurityGroupCannotBeDeleted",
            ),
            (
                self.network.virtual_networks.begin_delete,
                "net",
                "InUseSubnetCannotBeDeleted",
            ),
        ]:
            with self.assertRaises(HttpResponseError) as caught:
                delete(self.group, name).result()
            self.assertEqual(caught.exception.error.code, code)

    def test_failures_of_operations_reach_the_poller(self):
        subnet = self.subnet()
        control(
            "POST",
            "faults",
            {
                "method": "PUT",
                "path": f"*/{self.group}/*/virtualMachines/m",
                "count": 1,
                "action": {
                    "fail_operation": {"code": "AllocationFailed", "message": "no capacity"}
                },
            },
        )
        poller = self.compute.virtual_machines.begin_create_or_update(
            self.group, "m", machine(subnet)
        )
        with self.assertRaises(HttpResponseError) as caught:
            poller.result()
        self.assertEqual(caught.exception.error.code, "AllocationFailed")
        failed = self.compute.virtual_machines.get(self.group, "m")
        self.assertEqual(failed.provisioning_state, "Failed")

    def test_conflicts_and_throttling_have_their_exceptions(self):
        def fault(action):
            control(
                "POST",
                "faults",
                {"method": "PUT", "path": "*/publicIPAddresses/*", "count": 1, "action": action},
            )

        def put():
            return self.network.public_ip_addresses.begin_create_or_update(
                self.group, "a", {"location": REGION, "sku": {"name": "Standard"},
                                  "properties": {"publicIPAllocationMethod": "Static"}}
            )

        fault({"status": 409, "code": "Conflict", "message": "busy"})
        with self.assertRaises(ResourceExistsError):
            put()
        fault({"status": 429, "headers": {"Retry-After": "1"}})
        with self.assertRaises(HttpResponseError) as caught:
            put()
        self.assertEqual(caught.exception.status_code, 429)
        self.assertTrue(put().result().ip_address)

    def test_usages_and_sizes(self):
        self.make("m")
        used = {
            usage.name.value: usage.current_value for usage in self.compute.usage.list(REGION)
        }
        self.assertGreaterEqual(used["cores"], 1)
        used = {usage.name.value: usage.limit for usage in self.network.usages.list(REGION)}
        self.assertIn("PublicIPAddresses", used)
        sizes = {
            sku.name: {item.name: item.value for item in sku.capabilities}
            for sku in self.compute.resource_skus.list(filter=f"location eq '{REGION}'")
            if sku.resource_type == "virtualMachines"
        }
        self.assertEqual(sizes["Standard_B1s"]["vCPUs"], "1")

    def test_images_can_be_looked_up(self):
        images = self.compute.virtual_machine_images
        skus = images.list_skus(REGION, "Canonical", "ubuntu-24_04-lts")
        self.assertIn("server", [sku.name for sku in skus])
        versions = images.list(REGION, "Canonical", "ubuntu-24_04-lts", "server")
        image = images.get(REGION, "Canonical", "ubuntu-24_04-lts", "server", versions[-1].name)
        self.assertEqual(image.os_disk_image.operating_system, "Linux")

    def test_gateway_gives_a_way_out(self):
        address = self.network.public_ip_addresses.begin_create_or_update(
            self.group, "nat-address", {"location": REGION, "sku": {"name": "Standard"},
                                        "properties": {"publicIPAllocationMethod": "Static"}}
        ).result()
        gateway = self.network.nat_gateways.begin_create_or_update(
            self.group, "nat", {"location": REGION, "sku": {"name": "Standard"},
                                "properties": {"publicIpAddresses": [{"id": address.id}]}}
        ).result()
        self.assertEqual(gateway.provisioning_state, "Succeeded")
        subnet = self.subnet()
        self.network.subnets.begin_create_or_update(
            self.group, "net", "default",
            {"properties": {"addressPrefix": "10.64.0.0/24", "natGateway": {"id": gateway.id}}},
        ).result()
        shown = self.network.subnets.get(self.group, "net", "default")
        self.assertEqual(shown.nat_gateway.id.lower(), gateway.id.lower())
        self.assertEqual(shown.id.lower(), subnet.lower())

    def test_rules_can_be_changed_one_by_one(self):
        self.subnet()
        rules = self.network.security_rules
        rules.begin_create_or_update(
            self.group, "nsg", "web",
            {"properties": {"priority": 300, "direction": "Inbound", "access": "Allow",
                            "protocol": "Tcp", "sourceAddressPrefix": "*",
                            "sourcePortRange": "*", "destinationAddressPrefix": "*",
                            "destinationPortRange": "80"}},
        ).result()
        self.assertEqual(sorted(rule.name for rule in rules.list(self.group, "nsg")), ["ssh", "web"])
        rules.begin_delete(self.group, "nsg", "web").result()
        self.assertEqual([rule.name for rule in rules.list(self.group, "nsg")], ["ssh"])

    def test_a_wrong_secret_is_refused(self):
        wrong = client(ResourceManagementClient, secret="wrong")
        with self.assertRaises(ClientAuthenticationError) as caught:
            list(wrong.resource_groups.list())
        self.assertIn("AADSTS7000215", str(caught.exception))

    def test_a_revoked_token_is_refused(self):
        control("POST", "tokens/revoke")
        time.sleep(0.01)
        with self.assertRaises(ClientAuthenticationError):
            list(self.resources.resource_groups.list())
        self.resources = client(ResourceManagementClient)
        self.network = client(NetworkManagementClient)
        self.compute = client(ComputeManagementClient)
        self.assertIn(self.group, [group.name for group in self.resources.resource_groups.list()])


if __name__ == "__main__":
    unittest.main(verbosity=1)
