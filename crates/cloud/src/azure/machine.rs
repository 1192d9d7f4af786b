//! The body of a virtual machine: the network interface (and its public
//! address) and the disk inline, so that one write makes all and one delete
//! takes all away.

use azure_mgmt_compute::package_2024_07_01::models;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazuli_model::state::VirtualMachine;
use models::os_disk::OsType;
use models::virtual_machine_network_interface_configuration_properties as nic;
use models::virtual_machine_public_ip_address_configuration_properties as address;

use super::error::invalid;
use super::ids::{Ids, TAG_CONTROLLER, TAG_EFFECT, TAG_MODEL};
use crate::custom_data::cloud_config;
use crate::{CloudError, MachineOrder};

/// The exact bytes of the PUT.
pub(super) fn body(ids: &Ids, order: &MachineOrder<'_>) -> Result<Vec<u8>, CloudError> {
    let mut resource = models::Resource::new(order.spec.region.clone());
    resource.tags = Some(serde_json::json!({
        TAG_CONTROLLER: order.controller.to_string(),
        TAG_MODEL: order.model.to_string(),
        TAG_EFFECT: order.effect.to_string(),
    }));
    let mut machine = models::VirtualMachine::new(resource);
    machine.zones = order.spec.zone.iter().cloned().collect();
    machine.properties = Some(models::VirtualMachineProperties {
        hardware_profile: Some(models::HardwareProfile {
            vm_size: Some(models::hardware_profile::VmSize::UnknownValue(
                order.spec.size.clone(),
            )),
            ..models::HardwareProfile::default()
        }),
        storage_profile: Some(storage(order.name, order.spec)),
        os_profile: Some(os(order)),
        network_profile: Some(network(ids, order)),
        ..models::VirtualMachineProperties::default()
    });
    serde_json::to_vec(&machine).map_err(|error| {
        invalid(
            &format!("describe virtual machine {}", order.name),
            error.to_string(),
        )
    })
}

fn storage(name: &str, spec: &VirtualMachine) -> models::StorageProfile {
    let mut disk = models::OsDisk::new(models::CreateOption::FromImage);
    disk.name = Some(format!("{name}-os"));
    disk.os_type = Some(OsType::Linux);
    disk.caching = Some(models::Caching::ReadWrite);
    disk.disk_size_gb = spec.disk.and_then(|gib| i32::try_from(gib).ok());
    disk.delete_option = Some(models::DeleteOption::Delete);
    disk.managed_disk = Some(models::ManagedDiskParameters {
        storage_account_type: Some(match &spec.disk_type {
            Some(name) => models::StorageAccountType::UnknownValue(name.clone()),
            None => models::StorageAccountType::StandardSsdLrs,
        }),
        ..models::ManagedDiskParameters::default()
    });
    models::StorageProfile {
        image_reference: Some(models::ImageReference {
            publisher: Some(spec.image.publisher.clone()),
            offer: Some(spec.image.offer.clone()),
            sku: Some(spec.image.sku.clone()),
            version: Some(spec.image.version.clone()),
            ..models::ImageReference::default()
        }),
        os_disk: Some(disk),
        ..models::StorageProfile::default()
    }
}

fn os(order: &MachineOrder<'_>) -> models::OsProfile {
    let custom_data = cloud_config(
        &order.spec.hostname,
        order.authorized_keys,
        order.host_key_private,
        order.host_key_public,
    );
    let keys = order
        .authorized_keys
        .iter()
        .map(|key| models::SshPublicKey {
            path: Some("/home/ubuntu/.ssh/authorized_keys".to_owned()),
            key_data: Some(key.clone()),
        });
    models::OsProfile {
        computer_name: Some(order.spec.hostname.clone()),
        admin_username: Some("ubuntu".to_owned()),
        custom_data: Some(STANDARD.encode(custom_data)),
        linux_configuration: Some(models::LinuxConfiguration {
            disable_password_authentication: Some(true),
            ssh: Some(models::SshConfiguration {
                public_keys: keys.collect(),
            }),
            provision_vm_agent: Some(true),
            ..models::LinuxConfiguration::default()
        }),
        ..models::OsProfile::default()
    }
}

fn network(ids: &Ids, order: &MachineOrder<'_>) -> models::NetworkProfile {
    let subnets = order.spec.subnets.iter().enumerate();
    models::NetworkProfile {
        network_api_version: Some(models::network_profile::NetworkApiVersion::N2020_11_01),
        network_interface_configurations: subnets
            .map(|(number, subnet)| interface(ids, order, number, subnet))
            .collect(),
        ..models::NetworkProfile::default()
    }
}

/// The first interface is the primary one, which has the public address.
fn interface(
    ids: &Ids,
    order: &MachineOrder<'_>,
    number: usize,
    subnet: &str,
) -> models::VirtualMachineNetworkInterfaceConfiguration {
    let network = ids.network(order.group, "virtualNetworks", &order.spec.network);
    let subnet = format!("{network}/subnets/{subnet}");
    let mut ip = models::VirtualMachineNetworkInterfaceIpConfigurationProperties {
        subnet: Some(models::SubResource { id: Some(subnet) }),
        primary: Some(true),
        ..models::VirtualMachineNetworkInterfaceIpConfigurationProperties::default()
    };
    if order.spec.public_address && number == 0 {
        ip.public_ip_address_configuration = Some(public_address(order.name));
    }
    let mut configuration =
        models::VirtualMachineNetworkInterfaceIpConfiguration::new("primary".to_owned());
    configuration.properties = Some(ip);
    let name = match number {
        0 => format!("{}-nic", order.name),
        number => format!("{}-nic-{number}", order.name),
    };
    let mut interface = models::VirtualMachineNetworkInterfaceConfiguration::new(name);
    let mut properties =
        models::VirtualMachineNetworkInterfaceConfigurationProperties::new(vec![configuration]);
    properties.primary = Some(number == 0);
    properties.delete_option = Some(nic::DeleteOption::Delete);
    interface.properties = Some(properties);
    interface
}

fn public_address(machine: &str) -> models::VirtualMachinePublicIpAddressConfiguration {
    let mut public =
        models::VirtualMachinePublicIpAddressConfiguration::new(format!("{machine}-pip"));
    public.sku = Some(models::PublicIpAddressSku {
        name: Some(models::public_ip_address_sku::Name::Standard),
        ..models::PublicIpAddressSku::default()
    });
    public.properties = Some(
        models::VirtualMachinePublicIpAddressConfigurationProperties {
            delete_option: Some(address::DeleteOption::Delete),
            public_ip_allocation_method: Some(address::PublicIpAllocationMethod::Static),
            ..models::VirtualMachinePublicIpAddressConfigurationProperties::default()
        },
    );
    public
}
