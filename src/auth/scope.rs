//! Scopes: what a token allows its bearer to do.

/// One permission of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Read channels and messages.
    Read,
    /// Send messages.
    Write,
    /// Delete messages.
    Moderate,
}

impl Scope {
    /// Every scope, in the order in which they are listed.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Moderate];

    /// The scope as the `scope` claim and the errors name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "discord:read",
            Self::Write => "discord:write",
            Self::Moderate => "discord:moderate",
        }
    }
}

/// The scopes of one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Scopes {
    read: bool,
    write: bool,
    moderate: bool,
}

impl Scopes {
    /// What a token without a `scope` claim may do: everything.
    pub const ALL: Self = Self {
        read: true,
        write: true,
        moderate: true,
    };

    /// Reads a space-separated list (RFC 6749 3.3). Words that are not ours are left out: an
    /// identity provider may grant scopes for other servers in the same token.
    pub fn parse(list: &str) -> Self {
        let mut scopes = Self::default();
        for word in list.split_whitespace() {
            if let Some(scope) = Scope::ALL.into_iter().find(|scope| scope.as_str() == word) {
                *scopes.flag(scope) = true;
            }
        }
        scopes
    }

    /// Whether the token may do this.
    pub fn contains(mut self, scope: Scope) -> bool {
        *self.flag(scope)
    }

    fn flag(&mut self, scope: Scope) -> &mut bool {
        match scope {
            Scope::Read => &mut self.read,
            Scope::Write => &mut self.write,
            Scope::Moderate => &mut self.moderate,
        }
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let granted = Scope::ALL.into_iter().filter(|&scope| self.contains(scope));
        f.write_str(&granted.map(Scope::as_str).collect::<Vec<_>>().join(" "))
    }
}
