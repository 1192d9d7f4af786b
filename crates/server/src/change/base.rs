//! Which base an application runs on.

use lazuli_model::base::Base;
use lazuli_model::charm::Charm;
use lazuli_model::state::ModelState;

use super::Refusal;

/// A base, and what to tell about the choice.
pub(super) struct Chosen {
    pub(super) base: Base,
    pub(super) notice: Option<String>,
}

/// The base of a deployment: the one asked for, else the model's default if
/// the charm runs on it, else the first of the charm's that machines can run.
/// A charm that names none takes the default, with a notice.
pub(super) fn choose(
    state: &ModelState,
    charm: &Charm,
    asked: Option<&str>,
    force: bool,
) -> Result<Chosen, Refusal> {
    let bases = charm.bases();
    if let Some(asked) = asked.filter(|asked| !asked.is_empty()) {
        let base: Base = asked.parse()?;
        check_supported(&base)?;
        if !force {
            check_charm(&base, &bases)?;
        }
        return Ok(plain(base));
    }
    let default = default_base(state)?;
    if bases.is_empty() {
        let base = default.unwrap_or_default();
        let notice = format!(
            "charm {:?} does not say what it runs on: {base} is taken",
            charm.meta.name.as_str()
        );
        return Ok(Chosen {
            base,
            notice: Some(notice),
        });
    }
    let default = default.filter(|default| bases.contains(default));
    let first = || bases.iter().find(|base| base.is_supported()).cloned();
    default.or_else(first).map(plain).ok_or_else(|| {
        Refusal::invalid(format!(
            "charm {:?} runs on {} only, which machines here cannot run",
            charm.meta.name.as_str(),
            list(&bases)
        ))
    })
}

fn plain(base: Base) -> Chosen {
    Chosen { base, notice: None }
}

/// The base that the model's configuration says new machines run.
pub(super) fn default_base(state: &ModelState) -> Result<Option<Base>, Refusal> {
    let text = state.model().config.get("default-base");
    let text = text.filter(|text| !text.is_empty());
    Ok(text.map(|text| text.parse()).transpose()?)
}

/// Refuses what machines cannot run.
pub(super) fn check_supported(base: &Base) -> Result<(), Refusal> {
    if base.is_supported() {
        return Ok(());
    }
    Err(Refusal::invalid(format!(
        "base {:?} cannot be run here: use ubuntu@24.04, ubuntu@22.04 or ubuntu@20.04",
        base.to_string()
    )))
}

/// Refuses what the charm does not run on; in Juju's words.
pub(super) fn check_charm(base: &Base, bases: &[Base]) -> Result<(), Refusal> {
    if bases.is_empty() || bases.contains(base) {
        return Ok(());
    }
    Err(Refusal::invalid(format!(
        "base {:?} not supported by charm, supported bases are: {}",
        base.to_string(),
        list(bases)
    )))
}

fn list(bases: &[Base]) -> String {
    let texts: Vec<String> = bases.iter().map(ToString::to_string).collect();
    texts.join(", ")
}
