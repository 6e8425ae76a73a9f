//! Bearer tokens: made, proved, kept as hashes.

use super::{Member, NETWORK, body, kinds, owner, row, scope};
use crate::{Services, random};
use lenticular_base::ids::hex;
use lenticular_base::{Fault, FaultKind, Instant, OrgNo};
use lenticular_policy::{Principal, Role};
use lenticular_store::{View, Write};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A bearer token as it is kept: under its hash, never itself.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq, Debug)]
pub struct Token {
    pub org: i64,
    pub role: String,
    pub agent: String,
    /// Milliseconds since the epoch.
    pub expires: i64,
    pub link: Option<String>,
}

/// The key that a token or a secret is kept under.
pub(crate) fn token_id(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

impl Services {
    /// Makes a bearer token; it is shown once and kept as its hash. `ttl` in milliseconds, at most a year.
    pub async fn issue_token(
        &self,
        member: &Member,
        role: Role,
        agent: &str,
        ttl: i64,
    ) -> Result<String, Fault> {
        if !(1000..=366 * 86_400_000).contains(&ttl) {
            return Err(Fault::new(
                FaultKind::Invalid,
                "ttl",
                "A token lives between one second and 366 days.",
            ));
        }
        let token = Token {
            org: member.no,
            role: role.name().into(),
            agent: agent.to_owned(),
            expires: self.now().plus(ttl).0,
            link: None,
        };
        let text = format!("lt_{}", hex(&random::<24>()?));
        let id = token_id(&text);
        self.commit(owner(), Vec::new(), move |view, _| {
            Ok((vec![row(view, kinds::TOKEN, &id, &token)?], ()))
        })
        .await?;
        Ok(text)
    }

    /// Who a bearer token is; `None` where it is unknown, taken back or over.
    pub async fn authenticate(&self, token: &str) -> Result<Option<Principal>, Fault> {
        if token.len() > 200 {
            return Ok(None);
        }
        let id = token_id(token);
        let cached = self.store.reader.get_cached(&scope(), NETWORK, kinds::TOKEN, &id);
        let record = match cached {
            Some(record) => record,
            None => {
                self.blocking(move |services| services.store.reader.get(&scope(), NETWORK, kinds::TOKEN, &id))
                    .await?
            }
        };
        let Some(record) = record.filter(|record| !record.deleted) else { return Ok(None) };
        let token: Token = body(&record)?;
        if token.expires <= self.now().0 {
            return Ok(None);
        }
        let role = match &token.link {
            Some(_) => Role::Guest,
            None => Role::parse(&token.role).ok_or_else(|| Fault::internal("a token has an unknown role"))?,
        };
        Ok(Some(Principal { link: token.link, ..Principal::new(OrgNo(token.org), role, token.agent) }))
    }

    /// Puts a link's token in the same commit as its share.
    pub(crate) fn link_token(
        view: &dyn View,
        share: &str,
        org: OrgNo,
        text: &str,
        expires: Instant,
    ) -> Result<Write, Fault> {
        let token = Token {
            org: org.0,
            role: Role::Guest.name().into(),
            agent: format!("link:{share}"),
            expires: expires.0,
            link: Some(share.to_owned()),
        };
        row(view, kinds::TOKEN, &token_id(text), &token)
    }
}
