//! `rotate-keys`: new keys in three steps, none of which refuses a token that was good.

use std::time::SystemTime;

use clap::Args;
use time::OffsetDateTime;

use super::{configuration, say};
use crate::auth::{make_next, promote, retire};
use crate::timestamp::Timestamp;

#[derive(Args)]
pub(super) struct RotateKeys {
    /// Step 2: mint with the next keys, and still accept the last ones' tokens
    #[arg(long, conflicts_with = "retire")]
    promote: bool,
    /// Step 3: remove the last keys; their tokens are refused from then on
    #[arg(long)]
    retire: bool,
}

pub(super) fn run(args: &RotateKeys) -> Result<(), String> {
    let config = configuration()?;
    let dir = &config.keys_dir;
    let shown = dir.display();
    let hup = "kill -HUP <pid of the server>";
    let text = if args.promote {
        promote(dir).map_err(|error| error.to_string())?;
        let until = OffsetDateTime::from(SystemTime::now() + config.jwt_max_lifetime);
        format!(
            "Step 2 of 3: the next keys are in use; the last ones' tokens are still accepted.\n\
             Now:\n\
             \x20 give every other minter jwt.private.pem and seal.public.pem,\n\
             \x20 give every other server jwt*.public.pem and seal*.private.pem, and have it read them: {hup}\n\
             When the last of the old tokens has expired, on {} at the latest (JWT_MAX_LIFETIME):\n\
             \x20 discord-mcp-server rotate-keys --retire\n\
             At once, instead, if the last keys may be in wrong hands; old tokens are refused then.\n",
            Timestamp::of(until)
        )
    } else if args.retire {
        let gone = retire(dir).map_err(|error| error.to_string())?;
        format!(
            "Step 3 of 3: removed from {shown}/: {}\n\
             Now:\n\
             \x20 remove them on every server, and have every server read its keys: {hup}\n",
            gone.join(", ")
        )
    } else {
        make_next(dir).map_err(|error| error.to_string())?;
        format!(
            "Step 1 of 3: the next keys are in {shown}/; nothing is minted with them yet.\n\
             Now:\n\
             \x20 copy jwt.next.public.pem and seal.next.private.pem to every server that has a folder of its own,\n\
             \x20 and have every server read its keys: {hup}\n\
             When all have done so:\n\
             \x20 discord-mcp-server rotate-keys --promote\n"
        )
    };
    say(std::io::stdout(), &text);
    Ok(())
}
