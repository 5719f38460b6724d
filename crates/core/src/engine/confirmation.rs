//! `confirm`: a code that confirms a transaction, for a program that asks, outside of any login.
//!
//! It is an interaction like any other, with one step, one challenge and no browser: so it has the code, the tries, the budgets, the
//! receipts and the sealed rows that a login has, and no rule is written twice. What it lacks is an end: a right code spends the
//! challenge and that is all. There is no plan, no evidence, no session and no grant, and [`situation`](super::situation) does not
//! find it, so no page ever shows it.
//!
//! One id is one code for one purpose. What is dead or too old stays so, and the program asks anew: what is confirmed is then
//! said again, too.
//!
//! A program that may not know who there is gets the same answer for somebody and for nobody: nothing tells the two apart but that
//! no right code ever comes. Budgets of accounts and numbers hold all the same, without a word; what it is told of are budgets of
//! its own, kept under the name that it gave.

use std::sync::Arc;

use super::{
    Configuration, Engine, Parts, RequestContext,
    answer::Turn,
    choose::{NotOpened, Opened, Way},
    judge::Verdict,
    may_act,
    send::{Counted, Departure},
    situation::{Person, Situation},
    tries::{Report, Tries},
};
use crate::{
    audit::AuditEvent,
    authenticator::{Opening, Readiness, Registry, Rejection, StepError},
    budget::{Beyond, BudgetKey, Limited, Limits, Rule, Who},
    chain::{Alternative, ChainDocument, ChainRevision, Seconds, Step},
    channel::SendOutcome,
    code::CodeSpec,
    crypto::Prf,
    id::{AuthenticatorName, ChainName, ClientId, ConnectionName, InteractionId, UserId},
    interaction::{Challenge, Errand, Interaction, Request, Subject},
    prompt::Fields,
    purpose::Purpose,
    store::{Store, StoreError, StoreExt as _, StoreResult, Tx},
    time::{Time, Timestamp},
    user::LoginName,
};

/// For how long a program can look at what it asked for.
const KEPT: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
/// How long a number that came in the place of another confirms nothing, where no chain says: whoever took a number over wants it for
/// this first.
const COOL_OFF: Seconds = Seconds(24 * 3600);
/// The setting of an alternative that says how long a code lives.
const LIFE: &str = "life_seconds";
/// The field of what is typed.
const FIELD: &str = "code";

/// What a program asks for.
pub struct Asked {
    /// The program: nobody else can verify the code, or see what became of it.
    pub program: ClientId,
    /// How it is called in messages.
    pub program_name: String,
    /// Whether it may know who there is.
    pub told: bool,
    /// Who is to confirm.
    pub whom: Whom,
    /// By which authenticator.
    pub authenticator: AuthenticatorName,
    /// By which connection; as a chain has it, when none is named.
    pub connection: Option<ConnectionName>,
    /// The chain whose settings are taken, where it has that way; else those of any chain that has it.
    pub chain: ChainName,
    /// What is confirmed.
    pub purpose: Purpose,
    /// How long the code lives, if that is to be shorter.
    pub life: Option<Seconds>,
    /// The words of the message, for a language (BCP 47).
    pub words: fn(Option<&str>) -> Words,
}

/// Who is to confirm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The user of this id.
    Id(UserId),
    /// The user who signs in with this name.
    Login(LoginName),
}

/// The words of a message. They are not those of a login: they hold `{{purpose}}` and `{{code}}`, and may hold `{{client}}`,
/// `{{minutes}}` and `{{host}}`. There is no page to be led to, and no line by which a phone fills the code in: it is typed where
/// the transaction is made, which is not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// What it is about, for a channel that has a line for that.
    pub subject: String,
    /// The text.
    pub template: String,
}

/// What a program sees of what it asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// Its id.
    pub id: InteractionId,
    /// What is confirmed.
    pub purpose: String,
    /// By which authenticator.
    pub authenticator: AuthenticatorName,
    /// Where the message went, masked; only for a program that may know, and after it was confirmed.
    pub to: Option<String>,
    /// What became of the message; `None` while it is under way, and for a program that may not know.
    pub sent: Option<SendOutcome>,
    /// When it was asked for.
    pub created_at: Time,
    /// Until when the code is good.
    pub expires_at: Time,
    /// When the message may be sent again; `None` when it may not.
    pub resend_at: Option<Time>,
    /// How many wrong tries the code still has.
    pub tries_left: u32,
    /// When it was confirmed.
    pub verified_at: Option<Time>,
    /// Where it stands.
    pub state: ConfirmationState,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfirmationState {
    /// The code can be verified.
    Open,
    /// It was.
    Passed,
    /// Its time is over.
    Expired,
    /// It was wrong too often.
    Dead,
}

/// What a code came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    /// It is right, and now it is spent.
    Passed,
    /// It confirms nothing.
    Rejected {
        /// Why.
        why: WhyNot,
        /// How many wrong tries are left.
        tries_left: u32,
    },
}

/// Why a code confirms nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyNot {
    /// It is not the code.
    Wrong,
    /// Its time is over.
    Expired,
    /// There were too many wrong ones: not even the right one counts now.
    Dead,
    /// It was spent before.
    Replayed,
}

impl WhyNot {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Expired => "expired",
            Self::Dead => "dead",
            Self::Replayed => "replayed",
        }
    }
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum NotConfirmed {
    /// There is no such confirmation of this program, or not any more.
    #[error("there is no such confirmation")]
    NotFound,
    /// There is no such user; only a program that may know is told.
    #[error("there is no such user")]
    NoUser,
    /// There is no such way to send a code.
    #[error("there is no such way to send a code")]
    NoWay,
    /// So short or so long a life no code has.
    #[error("a code lives from 30 to {most} seconds here")]
    Life {
        /// The longest.
        most: u32,
    },
    /// A budget is used up.
    #[error("too many messages or tries")]
    Limited(Limited),
    /// It was confirmed, its time is over, or it was wrong too often.
    #[error("this is over")]
    Over,
    /// What was typed cannot be read as a code.
    #[error("this cannot be a code")]
    Malformed,
    /// Nothing can be sent at present, or not to this user.
    #[error("{0}")]
    Unavailable(String),
    /// Too much to do at the moment.
    #[error("busy")]
    Busy,
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<S: Store + ?Sized> Engine<S> {
    /// Sends a code to somebody that confirms something.
    ///
    /// # Errors
    /// When it cannot be sent, or a budget is used up. A program that may not know is told nothing that depends on the user.
    pub async fn confirm(&self, asked: Asked, cx: &RequestContext) -> Result<Confirmation, NotConfirmed> {
        let configuration = self.configuration();
        let step = step(&asked, &configuration, &self.parts.registry)?;
        let (told, words) = (asked.told, asked.words);
        let (subject, person) = self.whom(asked.whom.clone()).await?;
        if told && person.user.is_none() {
            return Err(NotConfirmed::NoUser);
        }
        let interaction = self.interaction_of(asked, step, subject);
        let situation = situated(interaction, configuration, person, self.now());
        if told {
            self.able(&situation).await?;
        }
        let mut opened = match self.open(&situation, ONLY, cx).await {
            Ok(opened) => opened,
            Err(NotOpened::Pointless) => return Err(NotConfirmed::NoWay),
            Err(NotOpened::Trouble(StepError::Busy)) => return Err(NotConfirmed::Busy),
            Err(NotOpened::Trouble(error)) => return Err(NotConfirmed::Unavailable(error.to_string())),
        };
        // What proves without a code can be proved with a login alone.
        if opened.challenge.code.is_none() {
            return Err(NotConfirmed::NoWay);
        }
        say(&mut opened.challenge, &situation, words);
        let leaves = self.keep(&situation, &opened, cx).await?;
        let departure = self.departure(&opened, &situation.interaction, cx).filter(|_| leaves);
        self.sent(&situation, opened.challenge, departure).await
    }

    /// Sends the same code once more.
    ///
    /// # Errors
    /// When there is no such confirmation, it is over, or it is too early.
    pub async fn confirm_again(
        &self,
        id: InteractionId,
        program: &ClientId,
        cx: &RequestContext,
    ) -> Result<Confirmation, NotConfirmed> {
        let (situation, mut challenge) = self.confirmation(id, program).await?;
        let now = situation.now;
        if !challenge.alive(now) {
            return Err(NotConfirmed::Over);
        }
        let limited = |retry_at| Err(NotConfirmed::Limited(Limited { retry_at }));
        if let Some(at) = self.resend_at(&situation, &challenge).filter(|at| now < *at) {
            return limited(Some(at));
        }
        let sends = self.sends(&situation, challenge.outgoing.as_ref(), true, cx);
        let before = challenge.sent_at.replace(now);
        challenge.sent = None;
        let departure = challenge.outgoing.clone().map(|outgoing| {
            let mut event = self.send_event("otp.resent", &challenge, &outgoing, cx);
            about(&mut event, &situation.interaction);
            Departure { challenge: challenge.clone(), outgoing, sends: sends.clone(), event }
        });
        let report = self.limit_of(&situation, cx);
        let id = challenge.id;
        let count = move |tx: &mut S::Tx| match sends.count(tx, now)? {
            Counted::Limited(limited) => report.note(tx, now).map(|()| Err(limited)),
            counted if tx.count_send(id, before, now)? => Ok(Ok(matches!(counted, Counted::Leaves))),
            // The button was pressed twice: nothing of this one stays.
            Counted::Leaves | Counted::Silent => Err(StoreError::Conflict("it was sent by somebody else".to_owned())),
        };
        let leaves = match self.store.write(count).await {
            Ok(Ok(leaves)) => leaves,
            Ok(Err(Limited { retry_at })) => return limited(retry_at),
            Err(StoreError::Conflict(_)) => return limited(Some(now + self.parts.limits.cooldown)),
            Err(error) => return Err(error.into()),
        };
        self.sent(&situation, challenge, departure.filter(|_| leaves)).await
    }

    /// Whether a code is the one that was sent. It is spent when it is.
    ///
    /// # Errors
    /// When there is no such confirmation, a budget is used up, or it cannot be judged: then it is no try.
    pub async fn confirmed(
        &self,
        id: InteractionId,
        program: &ClientId,
        typed: &str,
        cx: &RequestContext,
    ) -> Result<Verified, NotConfirmed> {
        let (situation, challenge) = self.confirmation(id, program).await?;
        let turn = Turn {
            step: ONLY.step,
            alternative: ONLY.alternative,
            challenge: Some(challenge.clone()),
            opening: Opening::Once,
            costly: false,
            enrolling: false,
            remember: false,
        };
        let judgement = self.ask(&situation, &turn, &Fields::from_iter([(FIELD, typed)]), cx).await;
        let right = match judgement.verdict {
            Verdict::Passed(_) => Ok(()),
            Verdict::Rejected(Rejection::Wrong) => Err(WhyNot::Wrong),
            // The number of that moment is no longer theirs.
            Verdict::Rejected(Rejection::Expired) => Err(WhyNot::Expired),
            Verdict::Rejected(_) => return Err(NotConfirmed::Malformed),
            Verdict::Trouble(StepError::Busy) => return Err(NotConfirmed::Busy),
            Verdict::Trouble(error) => return Err(NotConfirmed::Unavailable(error.to_string())),
            Verdict::Asks(_) | Verdict::Pending => return Err(NotConfirmed::NoWay),
        };
        self.spend(&situation, challenge, right, cx).await
    }

    /// What became of it.
    ///
    /// # Errors
    /// When there is no such confirmation of this program.
    pub async fn confirmation_of(&self, id: InteractionId, program: &ClientId) -> Result<Confirmation, NotConfirmed> {
        let (situation, challenge) = self.confirmation(id, program).await?;
        Ok(self.shown(&situation, &challenge))
    }

    /// Whether a code can go to them now: only a program that may know is told that it cannot.
    async fn able(&self, situation: &Situation) -> Result<(), NotConfirmed> {
        let why = match self.readiness(situation, ONLY.step, ONLY.alternative).await {
            Readiness::Ready { .. } => return Ok(()),
            Readiness::CanEnrol => "this user has nothing that a code could be sent to".to_owned(),
            Readiness::NotYet { from } => {
                format!("what this user is reached by is new, and confirms nothing before {}", Timestamp(from))
            }
            Readiness::Unavailable { why } | Readiness::Broken { why } => why,
        };
        Err(NotConfirmed::Unavailable(why))
    }

    /// Who is meant. Who may not act is nobody.
    async fn whom(&self, whom: Whom) -> Result<(Subject, Person), NotConfirmed> {
        let find = move |tx: &mut S::Tx| {
            let (user, name) = match &whom {
                Whom::Id(id) => (tx.user(*id)?, LoginName::from(*id)),
                Whom::Login(name) => (tx.user_by_login(name)?, name.clone()),
            };
            let claimed = Subject::Claimed { name, user: user.as_ref().map(|user| user.id) };
            Ok((claimed, Person::load(tx, user)?))
        };
        Ok(self.store.read(find).await?)
    }

    fn interaction_of(&self, asked: Asked, step: Step, subject: Subject) -> Interaction {
        let now = self.now();
        let Asked { program, program_name, told, purpose, .. } = asked;
        let request = Request {
            client: program,
            client_name: program_name,
            scopes: Vec::new(),
            acr_values: Vec::new(),
            acr_claim: None,
            not_before: None,
            required_user: None,
            ignore_session: true,
            login_hint: None,
            errand: Some(Errand::Transaction { purpose, told }),
            locales: Vec::new(),
            payload: serde_json::Value::Null,
        };
        // Of no chain: there is one step, and it is frozen here.
        let none = ChainRevision { chain: ChainName::from(""), revision: 0, document: ChainDocument::default() };
        let interaction = self.new_interaction(request, &none, vec![step], None, subject, now);
        Interaction { expires_at: now + KEPT, ..interaction }
    }

    /// A confirmation of this program, with its code.
    async fn confirmation(
        &self,
        id: InteractionId,
        program: &ClientId,
    ) -> Result<(Situation, Challenge), NotConfirmed> {
        let (now, program) = (self.now(), program.clone());
        let load = move |tx: &mut S::Tx| {
            let own = |found: &Interaction| {
                found.transaction().is_some() && found.request.client == program && now < found.expires_at
            };
            let Some(interaction) = tx.interaction(id)?.filter(own) else { return Ok(None) };
            let user = interaction.subject.user().map(|user| tx.user(user)).transpose()?.flatten();
            let person = Person::load(tx, user)?;
            Ok(tx.challenges(id)?.pop().map(|challenge| (interaction, person, challenge)))
        };
        let (interaction, person, challenge) = self.store.read(load).await?.ok_or(NotConfirmed::NotFound)?;
        Ok((situated(interaction, self.configuration(), person, now), challenge))
    }

    /// Writes it down, if its message is within its budgets; whether the message may leave.
    async fn keep(&self, situation: &Situation, opened: &Opened, cx: &RequestContext) -> Result<bool, NotConfirmed> {
        let (now, sends, report) = (situation.now, opened.sends.clone(), self.limit_of(situation, cx));
        let (interaction, challenge) = (situation.interaction.clone(), opened.challenge.clone());
        let keep = move |tx: &mut S::Tx| {
            let counted = sends.as_ref().map_or(Ok(Counted::Silent), |sends| sends.count(tx, now))?;
            if let Counted::Limited(limited) = counted {
                return report.note(tx, now).map(|()| Err(limited));
            }
            tx.insert_interaction(&interaction)?;
            tx.insert_challenge(&challenge)?;
            Ok(Ok(matches!(counted, Counted::Leaves)))
        };
        self.store.write(keep).await?.map_err(NotConfirmed::Limited)
    }

    /// Lets the message leave. Only a program that may know waits for what becomes of it: the time would tell.
    async fn sent(
        &self,
        situation: &Situation,
        challenge: Challenge,
        departure: Option<Departure>,
    ) -> Result<Confirmation, NotConfirmed> {
        let told = situation.proven();
        if let Some(mut departure) = departure {
            mark(&mut departure.event, &situation.interaction);
            self.depart(departure, told).await;
        }
        let id = challenge.id;
        let after = if told { self.store.read(move |tx: &mut S::Tx| tx.challenge(id)).await? } else { None };
        Ok(self.shown(situation, &after.unwrap_or(challenge)))
    }

    /// Acts on what was said of a code: counts the try before anything, and lets one of many pass.
    async fn spend(
        &self,
        situation: &Situation,
        challenge: Challenge,
        right: Result<(), WhyNot>,
        cx: &RequestContext,
    ) -> Result<Verified, NotConfirmed> {
        let Some(way) = situation.alternative(ONLY.step, ONLY.alternative) else { return Err(NotConfirmed::NoWay) };
        let Parts { limits, prf, .. } = &*self.parts;
        let program = &situation.interaction.request.client;
        let tries = Tries::of_program(limits, prf, &who(&situation.interaction.subject), &way.authenticator, program);
        let sends = challenge.outgoing.as_ref().map(|outgoing| self.sends(situation, Some(outgoing), false, cx));
        let (now, user) = (situation.now, situation.interaction.subject.user());
        let mut event = self.event("otp.rejected", cx, now);
        about(&mut event, &situation.interaction);
        event.details.insert("authenticator".to_owned(), way.authenticator.to_string());
        if let Some(outgoing) = &challenge.outgoing {
            event.details.extend(self.way_of(outgoing, challenge.carried_by.as_ref()));
        }
        let mut late = self.limit_of(situation, cx);
        let limit = late.clone();
        let spend = move |tx: &mut S::Tx| {
            if let Err(limited) = tries.count(tx, now)? {
                return limit.note(tx, now).map(|()| Err(limited));
            }
            let told = |why: WhyNot| {
                let mut event = event.clone();
                event.details.insert("reason".to_owned(), why.word().to_owned());
                event
            };
            let Some(tried) = tx.count_try(challenge.id, now)? else {
                tries.refund(tx)?;
                let why = over(tx.challenge(challenge.id)?.as_ref(), now);
                late.event = told(why);
                late.note(tx, now)?;
                return Ok(Ok(Verified::Rejected { why, tries_left: 0 }));
            };
            let why = match right {
                Err(why) => why,
                // Whoever was disabled a moment ago confirms nothing.
                Ok(()) if !acts(tx, user)? => WhyNot::Wrong,
                Ok(()) if !tx.consume_challenge(challenge.id, now)? => WhyNot::Replayed,
                Ok(()) => {
                    tries.forgive(tx)?;
                    sends.iter().try_for_each(|sends| sends.used(tx))?;
                    tx.append_audit(&AuditEvent { kind: "otp.passed".to_owned(), ..event.clone() })?;
                    return Ok(Ok(Verified::Passed));
                }
            };
            tx.append_audit(&told(why))?;
            Ok(Ok(Verified::Rejected { why, tries_left: challenge.max_tries.saturating_sub(tried) }))
        };
        self.store.write(spend).await?.map_err(NotConfirmed::Limited)
    }

    /// The report that a limit was met.
    fn limit_of(&self, situation: &Situation, cx: &RequestContext) -> Report {
        let mut report = self.report("otp.limited", cx, situation.now);
        about(&mut report.event, &situation.interaction);
        report
    }

    fn shown(&self, situation: &Situation, challenge: &Challenge) -> Confirmation {
        let (interaction, now) = (&situation.interaction, situation.now);
        let (told, passed) = (situation.proven(), challenge.consumed_at.is_some());
        let state = match () {
            () if passed => ConfirmationState::Passed,
            () if challenge.tries >= challenge.max_tries => ConfirmationState::Dead,
            () if now >= challenge.expires_at => ConfirmationState::Expired,
            () => ConfirmationState::Open,
        };
        let way = situation.alternative(ONLY.step, ONLY.alternative);
        let masked = challenge.outgoing.as_ref().map(|outgoing| outgoing.masked.clone());
        let purpose = interaction.transaction().map(|(purpose, _)| purpose.as_str().to_owned());
        Confirmation {
            id: interaction.id,
            purpose: purpose.unwrap_or_default(),
            authenticator: way.map_or_else(|| AuthenticatorName::from(""), |way| way.authenticator.clone()),
            to: masked.filter(|_| told || passed),
            sent: challenge.sent.clone().filter(|_| told),
            created_at: interaction.created_at,
            expires_at: challenge.expires_at,
            resend_at: self.resend_at(situation, challenge).filter(|_| state == ConfirmationState::Open),
            tries_left: if state == ConfirmationState::Open { challenge.tries_left() } else { 0 },
            verified_at: challenge.consumed_at,
            state,
        }
    }
}

/// The only way there is.
const ONLY: Way = Way { step: 0, alternative: 0, enrolling: false };

/// How the code is sent: as the program's chain sends it, or another chain, or else as nobody said anything about it.
fn step(asked: &Asked, configuration: &Configuration, registry: &Registry) -> Result<Step, NotConfirmed> {
    let authenticator = registry.get(&asked.authenticator).ok_or(NotConfirmed::NoWay)?;
    let kind = authenticator.descriptor().connection.ok_or(NotConfirmed::NoWay)?;
    let wanted =
        |connection: Option<&ConnectionName>| asked.connection.is_none() || connection == asked.connection.as_ref();
    let (own, others): (Vec<_>, Vec<_>) = configuration.chains.iter().partition(|chain| chain.chain == asked.chain);
    let steps = own.into_iter().chain(others).flat_map(|chain| &chain.document.steps);
    let mut ways = steps.flat_map(|step| step.alternatives.iter().map(move |way| (way, step.cool_off)));
    let written = ways.find(|(way, _)| way.authenticator == asked.authenticator && wanted(way.connection.as_ref()));
    let (mut way, cool_off) = match written {
        Some((way, cool_off)) => (way.clone(), cool_off),
        None => {
            let usable = configuration.connections.iter().filter(|known| known.kind == kind && !known.disabled);
            let connection = usable.map(|known| &known.name).find(|name| wanted(Some(name)));
            let connection = Some(connection.ok_or(NotConfirmed::NoWay)?.clone());
            (Alternative { connection, ..Alternative::plain(asked.authenticator.as_str()) }, None)
        }
    };
    if let Some(life) = asked.life {
        let own = way.settings.get(LIFE).and_then(serde_json::Value::as_u64).and_then(|own| u32::try_from(own).ok());
        let most = own.unwrap_or(CodeSpec::default().life.0);
        way.settings.insert(LIFE.to_owned(), life.0.into());
        if life.0 > most || authenticator.check_settings(&way.settings).is_err() {
            return Err(NotConfirmed::Life { most });
        }
    }
    Ok(Step { cool_off: cool_off.or(Some(COOL_OFF)), ..Step::from(vec![way]) })
}

/// Everything that is known about it at one moment. It is of no chain, no session and no device.
fn situated(interaction: Interaction, configuration: Arc<Configuration>, person: Person, now: Time) -> Situation {
    let chain = ChainRevision {
        chain: interaction.chain.clone(),
        revision: interaction.revision,
        document: ChainDocument::default(),
    };
    Situation {
        chain: chain.with_tail(&interaction.tail),
        interaction,
        configuration,
        session: None,
        person,
        challenges: Vec::new(),
        device: None,
        given: None,
        trial: false,
        now,
    }
}

/// Gives the message the words of a transaction in the place of those of a login. What is confirmed holds no brace, so it can
/// smuggle no placeholder in.
fn say(challenge: &mut Challenge, situation: &Situation, words: fn(Option<&str>) -> Words) {
    let Some((outgoing, (purpose, _))) = challenge.outgoing.as_mut().zip(situation.interaction.transaction()) else {
        return;
    };
    let words = words(situation.person.user.as_ref().and_then(|user| user.locale.as_deref()));
    outgoing.template = words.template.replace("{{purpose}}", purpose.as_str());
    outgoing.subject = outgoing.subject.is_some().then_some(words.subject);
}

/// The budgets of who asks: of the program, and for one that may not know who there is also of the name that it gave, so that it
/// is told to wait for somebody and for nobody alike.
pub(super) fn askers(interaction: &Interaction, told: bool, limits: &Limits, prf: &Prf) -> Vec<(BudgetKey, Rule)> {
    let program = &interaction.request.client;
    let mut askers = vec![(BudgetKey::sends_for(program), limits.sends_for_program)];
    if let (Subject::Claimed { name, .. }, false) = (&interaction.subject, told) {
        let cooldown = Rule { limit: 1, window: limits.cooldown, beyond: Beyond::WaitForWindow };
        askers.push((BudgetKey::sends_for_name(prf, program, name), limits.sends_to_user));
        askers.push((BudgetKey::cooldown_for_name(prf, program, name), cooldown));
    }
    askers
}

/// Whose tries are counted.
fn who(subject: &Subject) -> Who {
    match subject {
        Subject::Claimed { user: Some(user), .. } | Subject::Proven(user) => Who::User(*user),
        Subject::Claimed { user: None, name } => Who::Nobody(name.clone()),
        Subject::Nobody => Who::Nobody(LoginName::from(UserId(uuid::Uuid::nil()))),
    }
}

fn acts(tx: &mut (impl Tx + ?Sized), user: Option<UserId>) -> StoreResult<bool> {
    let user = user.map(|user| tx.user(user)).transpose()?.flatten();
    Ok(user.is_some_and(|user| may_act(&user)))
}

/// Why a code that is over is over.
fn over(challenge: Option<&Challenge>, now: Time) -> WhyNot {
    match challenge {
        Some(challenge) if challenge.consumed_at.is_some() => WhyNot::Replayed,
        Some(challenge) if now < challenge.expires_at => WhyNot::Dead,
        _ => WhyNot::Expired,
    }
}

/// Says in an event whom and what it is about.
fn about(event: &mut AuditEvent, interaction: &Interaction) {
    event.client = Some(interaction.request.client.to_string());
    event.user = interaction.subject.user();
    mark(event, interaction);
}

/// Says in an event that it is about a transaction, if it is. What is confirmed is not written down: it is the program's.
pub(super) fn mark(event: &mut AuditEvent, interaction: &Interaction) {
    if interaction.transaction().is_some() {
        event.details.insert("for".to_owned(), "transaction".to_owned());
        event.details.insert("confirmation".to_owned(), interaction.id.to_string());
    }
}
