//! What has to be true of a token.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use milepost_core::Code;
use serde::Deserialize;
use url::Url;

use super::keys::{KeySet, NoKey};
use crate::problem::Refusal;

/// Seconds by which the issuer's clock may differ from ours.
const LEEWAY_S: u64 = 30;

/// Bytes of a token. Those of Google have about a thousand.
const TOKEN_BYTES: usize = 16 * 1024;

/// What tokens have to say.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    /// Signature algorithms that are taken, whatever a token says. Never a symmetric one: with it, whoever knows the public key
    /// could sign.
    pub(crate) algorithms: &'static [Algorithm],
    /// `iss`
    pub(crate) issuer: String,
    /// `aud`, or one of them.
    pub(crate) audience: String,
    /// `email`, which also has to be verified; any where absent.
    pub(crate) email: Option<String>,
}

/// Verifies tokens of one issuer.
#[derive(Debug)]
pub(crate) struct Verifier {
    expected: Expected,
    keys: KeySet,
}

#[derive(Deserialize)]
struct Claims {
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
}

impl Verifier {
    /// Verifies with the keys at `jwks_url`, which are fetched when the first token comes.
    pub(crate) fn new(expected: Expected, jwks_url: Url) -> Result<Self, reqwest::Error> {
        Ok(Self { expected, keys: KeySet::new(jwks_url)? })
    }

    /// Checks signature, issuer, audience, times, and the e-mail address.
    ///
    /// # Errors
    /// `unauthorized`, which says what is wrong and nothing of the token; `keys_unavailable` when that cannot be found out now.
    pub(crate) async fn verify(&self, token: &str) -> Result<(), Refusal> {
        if token.len() > TOKEN_BYTES {
            return Err(refused("it is too long"));
        }
        // An algorithm that does not exist, `none` for instance, is an error here.
        let header = decode_header(token).map_err(|_| refused("it is no signed JWT"))?;
        if !self.expected.algorithms.contains(&header.alg) {
            return Err(refused("it is signed by an algorithm that is not taken"));
        }
        let jwk = self.keys.key(header.kid.as_deref()).await.map_err(|none| no_key(&none))?;
        let key = usable(&jwk, header.alg).ok_or_else(|| refused("its key is not meant for that"))?;
        let claims = decode::<Claims>(token, &key, &self.validation(header.alg));
        let Claims { email, email_verified } = claims.map_err(|error| refused(in_words(error.kind())))?.claims;
        match &self.expected.email {
            Some(expected) if email.as_ref() != Some(expected) || !email_verified => {
                Err(refused("it is not that of the expected service account"))
            }
            _ => Ok(()),
        }
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY_S;
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.expected.issuer]);
        validation.set_audience(&[&self.expected.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation
    }
}

/// The key, if it is one for signatures of this algorithm.
fn usable(jwk: &Jwk, algorithm: Algorithm) -> Option<DecodingKey> {
    use jsonwebtoken::jwk::PublicKeyUse;
    let named = jwk.common.key_algorithm.is_none_or(|named| named.to_string() == format!("{algorithm:?}"));
    let signs = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
    if named && signs { DecodingKey::from_jwk(jwk).ok() } else { None }
}

fn refused(why: &str) -> Refusal {
    Refusal::new(Code::Unauthorized, format!("the token is refused: {why}"))
}

fn no_key(none: &NoKey) -> Refusal {
    match none {
        NoKey::Unknown => refused("the issuer has no such key"),
        // Where the keys are is for the operator, who finds it in the log.
        NoKey::Unavailable(_) => Refusal::new(Code::KeysUnavailable, "the keys of the issuer cannot be fetched now"),
    }
}

fn in_words(error: &jsonwebtoken::errors::ErrorKind) -> &'static str {
    use jsonwebtoken::errors::ErrorKind;
    match error {
        ErrorKind::InvalidSignature => "the signature is wrong",
        ErrorKind::ExpiredSignature => "it has expired",
        ErrorKind::ImmatureSignature => "it is not valid yet",
        ErrorKind::InvalidIssuer => "it is that of another issuer",
        ErrorKind::InvalidAudience => "it is meant for somebody else",
        ErrorKind::MissingRequiredClaim(_) => "it lacks `exp`, `iss` or `aud`",
        _ => "it cannot be read",
    }
}
