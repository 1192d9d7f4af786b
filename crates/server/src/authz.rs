//! Who may do what: one pure function, deny by default.
//!
//! The levels are Juju's: a user of the controller may log in, or is a
//! superuser; a user of a model may read it, write to it, or administer it.
//! A superuser administers all models.

use lazuli_store::access::Access;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Actor {
    /// May do anything with the controller.
    pub(crate) superuser: bool,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Know oneself, list what one may see.
    LogIn,
    /// See and change users.
    ManageUsers,
    /// Change one's own password, or somebody's.
    ChangePassword,
    /// Make a model.
    CreateModel,
    /// See a model.
    ReadModel,
    /// Change what is in a model.
    WriteModel,
    /// Destroy a model, say who may do what with it, reach its machines.
    AdminModel,
}

/// What it is asked for on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The controller.
    Controller,
    /// A user.
    User {
        /// It is the one who asks.
        oneself: bool,
    },
    /// A model.
    Model {
        /// What the one who asks may do with it.
        level: Option<Access>,
    },
}

/// Whether an actor may do something.
pub(crate) fn allow(actor: Actor, action: Action, target: Target) -> bool {
    match (action, target) {
        (Action::LogIn, Target::Controller) => true,
        (Action::ManageUsers | Action::CreateModel, Target::Controller) => actor.superuser,
        (Action::ChangePassword, Target::User { oneself }) => oneself || actor.superuser,
        (Action::ReadModel, Target::Model { level }) => has(actor, level, Access::Read),
        (Action::WriteModel, Target::Model { level }) => has(actor, level, Access::Write),
        (Action::AdminModel, Target::Model { level }) => has(actor, level, Access::Admin),
        _ => false,
    }
}

fn has(actor: Actor, level: Option<Access>, needed: Access) -> bool {
    actor.superuser || level >= Some(needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIONS: [Action; 7] = [
        Action::LogIn,
        Action::ManageUsers,
        Action::ChangePassword,
        Action::CreateModel,
        Action::ReadModel,
        Action::WriteModel,
        Action::AdminModel,
    ];

    const TARGETS: [Target; 7] = [
        Target::Controller,
        Target::User { oneself: true },
        Target::User { oneself: false },
        Target::Model { level: None },
        Target::Model {
            level: Some(Access::Read),
        },
        Target::Model {
            level: Some(Access::Write),
        },
        Target::Model {
            level: Some(Access::Admin),
        },
    ];

    /// `.` denied, `u` any user, `s` a superuser only; columns as in TARGETS.
    const TABLE: [&str; 7] = [
        "u......", // log in
        "s......", // manage users
        ".us....", // change a password
        "s......", // create a model
        "...suuu", // read
        "...ssuu", // write
        "...sssu", // administer
    ];

    #[test]
    fn every_action_on_every_target_for_every_actor() {
        for (action, row) in ACTIONS.into_iter().zip(TABLE) {
            for (target, cell) in TARGETS.into_iter().zip(row.chars()) {
                for superuser in [false, true] {
                    let expected = match cell {
                        'u' => true,
                        's' => superuser,
                        _ => false,
                    };
                    let allowed = allow(Actor { superuser }, action, target);
                    assert_eq!(allowed, expected, "{action:?} on {target:?}: {superuser}");
                }
            }
        }
    }
}
