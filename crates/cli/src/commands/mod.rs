//! The commands, one file each.

mod actions;
mod add_machine;
mod add_model;
mod add_secret;
mod add_unit;
mod attach_resource;
mod bind;
mod cloud;
mod config;
mod constraints;
mod controllers;
mod debug_hooks;
mod debug_log;
mod deploy;
mod destroy_model;
mod documentation;
mod download;
mod exec;
mod expose;
mod find;
mod info;
mod integrate;
mod login;
mod logout;
mod machines;
mod model_config;
mod model_constraints;
mod models;
mod operations;
mod refresh;
mod remove_application;
mod remove_machine;
mod remove_relation;
mod remove_unit;
mod resolved;
mod resources;
mod run;
mod scp;
mod secrets;
mod set_application_base;
mod show_application;
mod show_machine;
mod show_model;
mod show_status_log;
mod show_unit;
mod spaces;
mod ssh;
mod ssh_keys;
mod status;
mod storage;
mod storage_pools;
mod switch;
mod tasks;
mod trust;
mod tunnel;
mod unexpose;
pub(crate) mod version;
mod whoami;

use clap::Subcommand;

use crate::error::Result;
use crate::session::Session;

macro_rules! commands {
    ($($(#[$attribute:meta])* $name:ident($module:ident :: $args:ident),)+) => {
        /// A command and its arguments.
        #[derive(Debug, Subcommand)]
        pub(crate) enum Command {
            $($(#[$attribute])* $name($module::$args),)+
        }

        impl Command {
            /// Does it.
            pub(crate) async fn run(self, session: &Session) -> Result<()> {
                match self {
                    $(Self::$name(args) => Box::pin(args.run(session)).await,)+
                }
            }
        }
    };
}

commands! {
    Login(login::Args),
    Logout(logout::Args),
    Whoami(whoami::Args),
    Version(version::Args),
    #[command(visible_alias = "list-controllers")]
    Controllers(controllers::Args),
    Switch(switch::Args),
    AddModel(add_model::Args),
    #[command(visible_alias = "list-models")]
    Models(models::Args),
    ShowModel(show_model::Args),
    DestroyModel(destroy_model::Args),
    ModelConfig(model_config::Args),
    #[command(alias = "get-model-constraints")]
    ModelConstraints(model_constraints::ShowArgs),
    SetModelConstraints(model_constraints::SetArgs),
    Deploy(deploy::Args),
    #[command(alias = "upgrade-charm")]
    Refresh(refresh::Args),
    AttachResource(attach_resource::Args),
    #[command(visible_alias = "list-resources")]
    Resources(resources::Args),
    Find(find::Args),
    Info(info::Args),
    Download(download::Args),
    #[command(visible_alias = "list-charm-resources")]
    CharmResources(info::ResourcesArgs),
    Config(config::Args),
    #[command(alias = "get-constraints")]
    Constraints(constraints::ShowArgs),
    SetConstraints(constraints::SetArgs),
    SetApplicationBase(set_application_base::Args),
    Trust(trust::Args),
    Expose(expose::Args),
    Unexpose(unexpose::Args),
    ShowApplication(show_application::Args),
    RemoveApplication(remove_application::Args),
    AddUnit(add_unit::Args),
    ShowUnit(show_unit::Args),
    RemoveUnit(remove_unit::Args),
    #[command(visible_alias = "resolve")]
    Resolved(resolved::Args),
    #[command(visible_alias = "list-actions")]
    Actions(actions::ListArgs),
    ShowAction(actions::ShowArgs),
    Run(run::Args),
    Exec(exec::Args),
    #[command(visible_alias = "list-operations")]
    Operations(operations::ListArgs),
    ShowOperation(operations::OneArgs),
    ShowTask(tasks::ShowArgs),
    CancelTask(tasks::CancelArgs),
    #[command(visible_alias = "relate")]
    Integrate(integrate::Args),
    RemoveRelation(remove_relation::Args),
    Status(status::Args),
    ShowStatusLog(show_status_log::Args),
    AddMachine(add_machine::Args),
    #[command(visible_alias = "list-machines")]
    Machines(machines::Args),
    ShowMachine(show_machine::Args),
    RemoveMachine(remove_machine::Args),
    #[command(visible_alias = "list-storage")]
    Storage(storage::ListStorage),
    ShowStorage(storage::ShowStorage),
    #[command(visible_alias = "list-storage-pools")]
    StoragePools(storage_pools::ListPools),
    CreateStoragePool(storage_pools::CreatePool),
    UpdateStoragePool(storage_pools::UpdatePool),
    RemoveStoragePool(storage_pools::RemovePool),
    AddStorage(storage::AddStorage),
    ImportFilesystem(storage::ImportFilesystem),
    AttachStorage(storage::AttachStorage),
    DetachStorage(storage::DetachStorage),
    RemoveStorage(storage::RemoveStorage),
    Ssh(ssh::Args),
    Scp(scp::Args),
    #[command(visible_alias = "list-ssh-keys")]
    SshKeys(ssh_keys::ListArgs),
    AddSshKey(ssh_keys::AddArgs),
    RemoveSshKey(ssh_keys::RemoveArgs),
    #[command(visible_alias = "list-secrets")]
    Secrets(secrets::SecretsArgs),
    AddSecret(add_secret::AddArgs),
    ShowSecret(secrets::ShowSecretArgs),
    UpdateSecret(add_secret::UpdateArgs),
    RemoveSecret(secrets::RemoveSecretArgs),
    GrantSecret(secrets::GrantArgs),
    RevokeSecret(secrets::RevokeArgs),
    Cloud(cloud::Args),
    Bind(bind::Args),
    #[command(visible_alias = "list-spaces")]
    Spaces(spaces::SpacesArgs),
    ShowSpace(spaces::ShowSpaceArgs),
    AddSpace(spaces::AddSpaceArgs),
    RemoveSpace(spaces::RemoveSpaceArgs),
    RenameSpace(spaces::RenameSpaceArgs),
    MoveToSpace(spaces::MoveToSpaceArgs),
    ReloadSpaces(spaces::ReloadSpacesArgs),
    #[command(visible_alias = "list-subnets")]
    Subnets(spaces::SubnetsArgs),
    #[command(visible_alias = "debug-hook")]
    DebugHooks(debug_hooks::HooksArgs),
    DebugCode(debug_hooks::CodeArgs),
    DebugLog(debug_log::Args),
    Documentation(documentation::Args),
    #[command(hide = true)]
    Tunnel(tunnel::Args),
}
