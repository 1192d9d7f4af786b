//! The commands, one file each.

mod add_machine;
mod add_model;
mod add_unit;
mod config;
mod constraints;
mod controllers;
mod debug_log;
mod deploy;
mod destroy_model;
mod expose;
mod integrate;
mod login;
mod logout;
mod machines;
mod model_config;
mod model_constraints;
mod models;
mod refresh;
mod remove_application;
mod remove_machine;
mod remove_relation;
mod remove_unit;
mod resolved;
mod scp;
mod show_application;
mod show_machine;
mod show_model;
mod show_status_log;
mod show_unit;
mod ssh;
mod ssh_keys;
mod status;
mod switch;
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
    /// Log in to a controller, which becomes the current one
    Login(login::Args),
    /// Log out of the controller
    Logout(logout::Args),
    /// Print the current controller, model and user
    Whoami(whoami::Args),
    /// Print the version of Juju that is spoken, and of this program
    Version(version::Args),
    /// List the controllers that this client knows
    #[command(visible_alias = "list-controllers")]
    Controllers(controllers::Args),
    /// Select or identify the current controller and model
    Switch(switch::Args),
    /// Add a model
    AddModel(add_model::Args),
    /// List the models of a controller
    #[command(visible_alias = "list-models")]
    Models(models::Args),
    /// Show information about a model
    ShowModel(show_model::Args),
    /// Terminate all machines and resources of a model
    DestroyModel(destroy_model::Args),
    /// Show or change the configuration of a model
    ModelConfig(model_config::Args),
    /// Show the machine constraints of a model
    #[command(alias = "get-model-constraints")]
    ModelConstraints(model_constraints::ShowArgs),
    /// Set machine constraints on a model
    SetModelConstraints(model_constraints::SetArgs),
    /// Deploy a new application
    Deploy(deploy::Args),
    /// Change the charm of an application
    #[command(alias = "upgrade-charm")]
    Refresh(refresh::Args),
    /// Get, set or reset the configuration of an application
    Config(config::Args),
    /// Show the constraints of an application
    #[command(alias = "get-constraints")]
    Constraints(constraints::ShowArgs),
    /// Set machine constraints of an application
    SetConstraints(constraints::SetArgs),
    /// Set whether an application may use the cloud's credential
    Trust(trust::Args),
    /// Let an application be reached from outside
    Expose(expose::Args),
    /// Undo expose
    Unexpose(unexpose::Args),
    /// Show information about applications
    ShowApplication(show_application::Args),
    /// Remove applications
    RemoveApplication(remove_application::Args),
    /// Add units to an application
    AddUnit(add_unit::Args),
    /// Show units and their relation data
    ShowUnit(show_unit::Args),
    /// Remove units
    RemoveUnit(remove_unit::Args),
    /// Mark unit errors as resolved, and run what failed again
    #[command(visible_alias = "resolve")]
    Resolved(resolved::Args),
    /// Integrate two applications
    #[command(visible_alias = "relate")]
    Integrate(integrate::Args),
    /// Remove a relation between two applications
    RemoveRelation(remove_relation::Args),
    /// Report the state of the model, its machines, applications and units
    Status(status::Args),
    /// Show past statuses of a unit, a machine or an application
    ShowStatusLog(show_status_log::Args),
    /// Add machines, or one that exists
    AddMachine(add_machine::Args),
    /// List the machines of a model
    #[command(visible_alias = "list-machines")]
    Machines(machines::Args),
    /// Show machines
    ShowMachine(show_machine::Args),
    /// Remove machines
    RemoveMachine(remove_machine::Args),
    /// Open a shell, or run a command, on a machine or a unit's machine
    Ssh(ssh::Args),
    /// Copy files to and from machines
    Scp(scp::Args),
    /// List the SSH keys of users that may log in to a model's machines
    #[command(visible_alias = "list-ssh-keys")]
    SshKeys(ssh_keys::ListArgs),
    /// Add SSH keys to a model
    AddSshKey(ssh_keys::AddArgs),
    /// Remove SSH keys from a model
    RemoveSshKey(ssh_keys::RemoveArgs),
    /// Show the log of a model
    DebugLog(debug_log::Args),
    #[command(hide = true)]
    Tunnel(tunnel::Args),
}
