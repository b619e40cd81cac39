//! The codes on open pages, and what phones did with them.

use tokio::sync::watch;

use crate::{
    clock::Millis,
    ids,
    sandbox::{
        expiring::Expiring,
        ledger::{Grant, Ledger},
        settings::MAX_QR_PAGE_LIFE_S,
    },
};

/// Logins at most; the oldest makes room.
const CAPACITY: usize = 10_000;
/// How long a login is known: longer than any page lives.
const MEMORY: Millis = 2 * MAX_QR_PAGE_LIFE_S * 1000;

/// All logins, by uuid.
#[derive(Debug)]
pub(in crate::sandbox) struct Logins(Expiring<Login>);

/// One code on one page.
#[derive(Debug)]
pub(in crate::sandbox) struct Login {
    pub(super) app_id: String,
    pub(super) expires_at: Millis,
    sheet: Option<Sheet>,
    /// Here rather than beside, so that polls wake at once.
    status: watch::Sender<Status>,
}

/// The page on the phone that scanned.
#[derive(Debug)]
struct Sheet {
    /// Proves that a tap comes from it.
    ticket: String,
    grant: Grant,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Waiting,
    Scanned,
    /// With the code for the website.
    Confirmed(String),
    /// It can be scanned again.
    Cancelled,
}

/// Why a phone gets nowhere with a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Unknown, too old, or the tap came from a sheet that is over.
    Gone,
    /// Another user has scanned it.
    Taken,
    /// Somebody has logged in by it.
    Used,
}

impl Logins {
    pub(in crate::sandbox) fn new() -> Self {
        Self(Expiring::new(CAPACITY, MEMORY))
    }

    /// A new login; answers its uuid of 16 characters.
    pub(super) fn open(&mut self, app_id: &str, expires_at: Millis, now: Millis) -> String {
        let uuid = ids::base64url(&ids::random::<12>());
        let login = Login {
            app_id: app_id.to_owned(),
            expires_at,
            sheet: None,
            status: watch::Sender::new(Status::Waiting),
        };
        self.0.insert(uuid.clone(), login, now);
        uuid
    }

    pub(super) fn get(&mut self, uuid: &str, now: Millis) -> Option<&mut Login> {
        self.0.get(uuid, now)
    }

    pub(in crate::sandbox) fn knows(&mut self, uuid: &str, now: Millis) -> bool {
        self.get(uuid, now).is_some()
    }

    /// One that a phone may still do something with.
    pub(super) fn live(&mut self, uuid: &str, now: Millis) -> Result<&mut Login, Refused> {
        self.get(uuid, now)
            .filter(|login| now < login.expires_at)
            .ok_or(Refused::Gone)
    }
}

impl Login {
    /// To wait for what comes next. It ends when the login is forgotten.
    pub(super) fn watch(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// A phone opened the link; answers the ticket of its sheet. Who scanned first keeps the code until he
    /// cancels; when he opens the link again he gets the same sheet.
    pub(super) fn scan(&mut self, grant: Grant) -> Result<String, Refused> {
        if matches!(*self.status.borrow(), Status::Confirmed(_)) {
            return Err(Refused::Used);
        }
        if let Some(sheet) = &self.sheet {
            let same = sheet.grant.user_id == grant.user_id;
            return same.then(|| sheet.ticket.clone()).ok_or(Refused::Taken);
        }
        let ticket = ids::base64url(&ids::random::<16>());
        self.sheet = Some(Sheet {
            ticket: ticket.clone(),
            grant,
        });
        self.status.send_replace(Status::Scanned);
        Ok(ticket)
    }

    /// A second tap changes nothing.
    pub(super) fn confirm(
        &mut self,
        ticket: &str,
        ledger: &mut Ledger,
        now: Millis,
    ) -> Result<(), Refused> {
        let sheet = self.tapped(ticket)?;
        if *self.status.borrow() == Status::Scanned {
            let code = ledger.issue(sheet.grant.clone(), now);
            self.status.send_replace(Status::Confirmed(code));
        }
        Ok(())
    }

    pub(super) fn reject(&mut self, ticket: &str) -> Result<(), Refused> {
        self.tapped(ticket)?;
        if matches!(*self.status.borrow(), Status::Confirmed(_)) {
            return Err(Refused::Used);
        }
        self.sheet = None;
        self.status.send_replace(Status::Cancelled);
        Ok(())
    }

    fn tapped(&self, ticket: &str) -> Result<&Sheet, Refused> {
        let sheet = self.sheet.as_ref();
        sheet
            .filter(|sheet| sheet.ticket == ticket)
            .ok_or(Refused::Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::{ledger::Scope, user::Identity};

    const APP: &str = "wx0000000000000001";

    fn grant(user: &str) -> Grant {
        Grant {
            app_id: APP.to_owned(),
            user_id: user.to_owned(),
            identity: Identity {
                openid: format!("o{user}"),
                unionid: None,
                snapshot: false,
            },
            scope: Scope::Login,
        }
    }

    #[test]
    fn a_code_is_scanned_confirmed_and_over() {
        let (mut logins, mut ledger) = (Logins::new(), Ledger::new());
        let uuid = logins.open(APP, 300_000, 0);
        assert_eq!(uuid.len(), 16);
        assert_ne!(uuid, logins.open(APP, 300_000, 0));
        let login = logins.live(&uuid, 0).unwrap();
        let status = login.watch();
        let ticket = login.scan(grant("amy")).unwrap();
        assert_eq!(*status.borrow(), Status::Scanned);
        assert_eq!(login.scan(grant("amy")).unwrap(), ticket, "the same sheet");
        assert_eq!(login.scan(grant("bob")), Err(Refused::Taken));
        assert_eq!(login.confirm("x", &mut ledger, 0), Err(Refused::Gone));
        assert_eq!(*status.borrow(), Status::Scanned);
        login.confirm(&ticket, &mut ledger, 0).unwrap();
        let confirmed = status.borrow().clone();
        let Status::Confirmed(code) = &confirmed else {
            panic!("{confirmed:?}");
        };
        assert!(ledger.exchange(code, APP, 0).is_ok());
        login.confirm(&ticket, &mut ledger, 0).unwrap();
        assert_eq!(*status.borrow(), confirmed, "the second tap");
        assert_eq!(login.reject(&ticket), Err(Refused::Used));
        assert_eq!(login.scan(grant("bob")), Err(Refused::Used));
    }

    #[test]
    fn a_cancelled_code_can_be_scanned_again_by_anybody() {
        let (mut logins, mut ledger) = (Logins::new(), Ledger::new());
        let uuid = logins.open(APP, 300_000, 0);
        let login = logins.live(&uuid, 0).unwrap();
        let old = login.scan(grant("amy")).unwrap();
        login.reject(&old).unwrap();
        assert_eq!(*login.watch().borrow(), Status::Cancelled);
        let new = login.scan(grant("bob")).unwrap();
        assert_eq!(login.confirm(&old, &mut ledger, 0), Err(Refused::Gone));
        login.confirm(&new, &mut ledger, 0).unwrap();
    }

    #[test]
    fn an_old_code_is_gone_for_phones_but_known_to_polls() {
        let mut logins = Logins::new();
        let uuid = logins.open(APP, 300_000, 0);
        assert!(logins.live(&uuid, 299_999).is_ok());
        assert_eq!(logins.live(&uuid, 300_000).unwrap_err(), Refused::Gone);
        assert!(logins.get(&uuid, 300_000).is_some());
        assert!(logins.get(&uuid, MEMORY).is_none());
        assert_eq!(logins.live("unknown", 0).unwrap_err(), Refused::Gone);
    }
}
