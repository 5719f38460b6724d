//! A type for each identifier that travels, so that one cannot be passed where another belongs.

use aws_lc_rs::digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    random::{Random, RandomExt},
    time::Time,
};

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub uuid::Uuid);

        impl $name {
            /// A new id, made from the context's time and random source.
            pub fn new(now: Time, random: &dyn Random) -> Self {
                Self(random.uuid(now))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

uuid_id! {
    /// A user. Its text form is the `sub` claim, and is never given to anybody else (OpenID Connect Core, section 2).
    UserId;
    /// A credential of a user.
    CredentialId;
    /// One run of a chain by one browser for one request.
    InteractionId;
    /// One begun alternative of a step.
    ChallengeId;
    /// The SSO memory of a browser. Its text form is the `sid` claim.
    SessionId;
    /// A browser that somebody asked to be remembered in.
    DeviceId;
    /// A message on its way to a person.
    MessageId;
    /// A row of the audit log.
    AuditId;
}

impl CredentialId {
    /// The id of what has a name of its own in the world: always the same one, and so there once (RFC 9562, section 5.8).
    pub fn of_mark(mark: &[u8]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"vestibule credential v1");
        context.update(mark);
        let mut id = [0; 16];
        id.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
        Self(uuid::Builder::from_custom_bytes(id).into_uuid())
    }
}

macro_rules! name {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<T: AsRef<str>> From<T> for $name {
            fn from(text: T) -> Self {
                Self(text.as_ref().into())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

name! {
    /// The `client_id` of a service provider (RFC 6749, section 2.2).
    ClientId;
    /// The name of a chain, given by the admin.
    ChainName;
    /// The name of a connection, given by the admin, such as `SMSOTP`.
    ConnectionName;
    /// The name of an authenticator, such as `password`.
    AuthenticatorName;
}
