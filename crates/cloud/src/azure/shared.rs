//! Making what a model shares, and letting its group go.

use lazuli_model::state::{EffectSpec, FailureClass};

use super::error::{invalid, unanswered};
use super::ids::RESOURCES;
use super::progress::{foreign, is_ours, what, written};
use super::transport::Guard;
use super::{Azure, bodies};
use crate::{Call, CloudError, Progress};

impl Azure {
    pub(super) async fn ensure_shared(&self, call: Call<'_>) -> Result<Progress, CloudError> {
        let what = what("create", call.effect);
        let (Some((id, version)), Some(body)) = (
            self.ids.of(call.group, call.effect),
            bodies::body(&self.ids, &call),
        ) else {
            return Err(invalid(&what, "it has no body".to_owned()));
        };
        let url = || self.arm.url(&id, version, &[]);
        match self.arm.find(&what, url()).await? {
            Some(found) if !is_ours(&call, &found) => return Ok(foreign(&id)),
            // A group has nothing that could differ.
            Some(_) if matches!(call.effect.spec, EffectSpec::Group { .. }) => {
                return Ok(Progress::Present { cloud_id: id });
            }
            Some(_) | None => {}
        }
        let bytes = body.to_string().into_bytes();
        let answer = self
            .arm
            .put(&what, url(), bytes, Guard::None, call.fence)
            .await?;
        Ok(written(&call, &id, &answer))
    }

    /// A group goes only when nothing is in it, ours or not.
    pub(super) async fn refuse_unless_empty(&self, what: &str, id: &str) -> Result<(), CloudError> {
        let url = self.arm.url(&format!("{id}/resources"), RESOURCES, &[]);
        let left = self.arm.list(what, url).await?;
        if left.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = left
            .iter()
            .take(5)
            .filter_map(|resource| resource["id"].as_str())
            .collect();
        Err(CloudError {
            class: FailureClass::Conflict,
            code: "GroupNotEmpty".to_owned(),
            hint: Some(
                "delete or move what is in it; it is never deleted with its content".to_owned(),
            ),
            ..unanswered(
                what,
                format!(
                    "the group still holds {} resources: {}",
                    left.len(),
                    names.join(", ")
                ),
                false,
            )
        })
    }
}
