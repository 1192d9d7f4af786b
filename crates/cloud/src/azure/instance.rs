//! Making virtual machines.

use super::Azure;
use super::error::{invalid, unanswered};
use super::progress::{foreign, is_ours, seen, state, what, written};
use super::transport::Guard;
use crate::{Call, CloudError, Progress};

impl Azure {
    pub(super) async fn ensure_machine(&self, call: Call<'_>) -> Result<Progress, CloudError> {
        let what = what("create", call.effect);
        let Some(body) = call.body else {
            return Err(invalid(&what, "its body is missing".to_owned()));
        };
        let Some((id, version)) = self.ids.of(call.group, call.effect) else {
            return Err(invalid(&what, "it has no id".to_owned()));
        };
        let url = || self.arm.url(&id, version, &[]);
        match self
            .arm
            .put(&what, url(), body.to_vec(), Guard::Absent, call.fence)
            .await
        {
            Ok(answer) => Ok(written(&call, &id, &answer)),
            Err(error) if error.code == "PreconditionFailed" || error.code == "Http412" => {
                let Some(found) = self.arm.find(&what, url()).await? else {
                    return Err(unanswered(&what, "it is and is not there".to_owned(), true));
                };
                if !is_ours(&call, &found) {
                    return Ok(foreign(&id));
                }
                if state(&found) == "Failed" {
                    // Ours, and it failed: the same bytes again repair it.
                    let answer = self
                        .arm
                        .put(&what, url(), body.to_vec(), Guard::None, call.fence)
                        .await?;
                    return Ok(written(&call, &id, &answer));
                }
                Ok(seen(call.effect, &id, &found))
            }
            Err(error) => Err(error),
        }
    }
}
