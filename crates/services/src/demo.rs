//! The demo's way back to its beginning: everything that was done in it is dropped, and the sample network loaded again.

use crate::Services;
use crate::access::Caller;
use crate::audit::Access;
use lenticular_base::{Fault, FaultKind};
use std::sync::Arc;

/// What begins the reset and returns at once; only `lenticular demo` has one.
pub type Reset = Arc<dyn Fn() + Send + Sync>;

impl Services {
    /// The same services, under the demo.
    pub fn with_reset(self, reset: Reset) -> Services {
        Services { reset: Some(reset), ..self }
    }

    /// Whether this is the demo.
    pub fn is_demo(&self) -> bool {
        self.reset.is_some()
    }

    /// Begins to load the demo anew: requests under way end, and everybody is signed out.
    ///
    /// # Errors
    /// `NotFound` outside the demo, `Forbidden` for whoever does not run the deployment.
    pub async fn reset_demo(&self, caller: &Caller) -> Result<(), Fault> {
        let outcome = match &self.reset {
            None => Err(Fault::not_found()),
            Some(_) if !caller.principal.operator => {
                let words = "Only who runs the deployment may load the demo anew.";
                Err(Fault::new(FaultKind::Forbidden, "role", words))
            }
            Some(reset) => Ok(reset),
        };
        let reset = self.audited(caller, Access::of('D', "reset", "Demo", ""), outcome).await?;
        reset();
        Ok(())
    }
}
