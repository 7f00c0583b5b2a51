//! Start-up: once per isolate, at its first request, the bindings become a gate or a list of what is wrong with them.

use std::cell::OnceCell;
use std::rc::Rc;

use worker::Env;
use worker::js_sys::Reflect;
use worker::wasm_bindgen::JsValue;

use crate::config::{
    ASSETS_BINDING, BadSetting, CheckKey, Config, Environment, ISSUE_LIMIT_BINDING, Leaf, LimitSettings,
    MONITOR_BINDING, REFUSAL_LIMIT_BINDING, ROOM_BINDING, SessionChoice, Settings, TicketCheck, UPSTREAM_BINDING,
    UpstreamAddress,
};
use crate::http::App;
use crate::http::limit::Limits;
use crate::identity::Identity;
use crate::objects::monitors::Monitor;
use crate::platform::{clock, console, panics};
use crate::sessions::{Hub, Session, Upstream};
use crate::stores;
use ws_ticket_core::gate::Gate;
use ws_ticket_core::telemetry::Event;
use ws_ticket_core::ticket::{Keyring, Purpose, derive};

/// What start-up comes to.
type Started = Rc<Result<App, Vec<BadSetting>>>;

thread_local! {
    // FromEnv don't change in an isolate's life: a deploy makes new isolates.
    static STARTED: OnceCell<Started> = const { OnceCell::new() };
}

/// The isolate's gate.
pub fn once(env: &Env) -> Started {
    panics::tell();
    STARTED.with(|started| Rc::clone(started.get_or_init(|| Rc::new(start(env)))))
}

fn start(env: &Env) -> Result<App, Vec<BadSetting>> {
    // Also what a refused configuration comes to.
    if FromEnv(env).is_bound(MONITOR_BINDING) {
        console::count();
    }
    let app = Config::read(&FromEnv(env)).and_then(|config| assemble(config, env));
    match &app {
        Ok(app) => announce(app),
        Err(problems) => {
            let names: Vec<_> = problems.iter().map(|problem| problem.name).collect();
            console::emit(&Event::Misconfigured { names: &names });
        }
    }
    app
}

fn assemble(config: Config, env: &Env) -> Result<App, Vec<BadSetting>> {
    let (store, conditions) = stores::build(&config.stores, env, clock::now, console::emit)?;
    let limits = limits(&config.limits, env)?;
    let monitor = monitor(env)?;
    let is_production = config.environment == Environment::Production;
    let echo_by_default = is_production && config.session == SessionChoice::Echo { chosen: false };
    let session = session(config.session, config.session_max_seconds, env)?;
    // With a list of stores what counts is the first choice; that others may step in is what the list is for.
    let in_memory = matches!(config.stores.issuing.first(), None | Some(Leaf::Memory));
    Ok(App {
        place: config.place,
        gate: Gate::new(Box::new(store), config.ttl_seconds, config.session_max_seconds),
        conditions,
        identity: Identity::new(&config.identity, console::emit),
        session,
        carriage: config.carriage,
        bind: config.bind,
        closes_reused: config.closes_reused,
        refuses_by_close: config.refuses_by_close,
        keyring: keyring(&config.ticket_check),
        redeem_secrets: config.redeem_secrets,
        admin_tokens: config.admin_tokens,
        monitor,
        limits,
        page: config
            .page
            .then(|| env.assets(ASSETS_BINDING))
            .transpose()
            .map_err(|_| vec![BadSetting::binding(ASSETS_BINDING, "the static assets (`assets` in wrangler.jsonc)")])?,
        ttl_seconds: config.ttl_seconds,
        origins: config.origins,
        memory_in_production: in_memory && is_production,
        echo_by_default,
    })
}

fn keyring(check: &TicketCheck) -> Keyring {
    let keys = check.keys.iter().filter_map(|key| match key {
        CheckKey::Own(secret) => Some(secret.reveal().as_bytes().to_vec()),
        CheckKey::DerivedFrom(secret) => derive(secret.reveal(), Purpose::TicketCheck).map(Vec::from),
    });
    Keyring::new(keys.collect::<Vec<_>>().iter().map(Vec::as_slice)).with_check_optional(check.optional)
}

fn limits(settings: &LimitSettings, env: &Env) -> Result<Limits, Vec<BadSetting>> {
    let bound = |name: &'static str, is_bound: bool| {
        let limiter = is_bound.then(|| env.rate_limiter(name)).transpose();
        limiter.map_err(|_| vec![BadSetting::binding(name, "a rate limit (`ratelimits` in wrangler.jsonc)")])
    };
    let issue = bound(ISSUE_LIMIT_BINDING, settings.issue)?;
    let refusal = bound(REFUSAL_LIMIT_BINDING, settings.refusal)?;
    Ok(Limits::new(issue, refusal, settings.on_failure, console::emit))
}

fn monitor(env: &Env) -> Result<Option<Monitor>, Vec<BadSetting>> {
    let Some(bound) = FromEnv(env).get(MONITOR_BINDING) else { return Ok(None) };
    namespace(MONITOR_BINDING, Some(bound)).map(Monitor::new).map(Some)
}

/// What is bound, where it is a namespace of objects: the platform's own, since what `worker` makes of it knows no names that are digested.
fn namespace(name: &'static str, bound: Option<JsValue>) -> Result<JsValue, Vec<BadSetting>> {
    let bound = bound.unwrap_or_default();
    let is_one = Reflect::get(&bound, &"getByName".into()).is_ok_and(|get| get.is_function());
    let expected = "a Durable Object namespace (`durable_objects` in wrangler.jsonc)";
    is_one.then_some(bound).ok_or_else(|| vec![BadSetting::binding(name, expected)])
}

fn session(choice: SessionChoice, max_seconds: u32, env: &Env) -> Result<Session, Vec<BadSetting>> {
    let settings = match choice {
        SessionChoice::Echo { .. } => return Ok(Session::Echo),
        SessionChoice::Nothing => return Ok(Session::Nothing),
        SessionChoice::Hub { members_max } => {
            let rooms = namespace(ROOM_BINDING, FromEnv(env).get(ROOM_BINDING))?;
            return Ok(Session::Hub(Hub::new(rooms, members_max, max_seconds)));
        }
        SessionChoice::Upstream(settings) => settings,
    };
    let binding = match settings.address {
        UpstreamAddress::Url(_) => JsValue::UNDEFINED,
        UpstreamAddress::Binding { .. } => FromEnv(env).get(UPSTREAM_BINDING).unwrap_or_default(),
    };
    let fetches = Reflect::get(&binding, &"fetch".into()).is_ok_and(|fetch| fetch.is_function());
    if !fetches && matches!(settings.address, UpstreamAddress::Binding { .. }) {
        return Err(vec![BadSetting::binding(UPSTREAM_BINDING, "a Worker (`services` in wrangler.jsonc)")]);
    }
    Ok(Session::Upstream(Box::new(Upstream::new(*settings, binding))))
}

fn announce(app: &App) {
    let store = app.gate.store();
    console::emit(&Event::Started {
        store: &store.to_string(),
        guarantee: store.guarantee(),
        reach: store.reach(),
        degraded: app.keeps_less(),
    });
    if app.memory_in_production {
        console::emit(&Event::FallbackToMemory);
    }
}

/// A Worker's variables, secrets and bindings.
struct FromEnv<'a>(&'a Env);

impl FromEnv<'_> {
    fn get(&self, name: &str) -> Option<JsValue> {
        Reflect::get(self.0, &name.into()).ok().filter(|value| !value.is_undefined() && !value.is_null())
    }
}

impl Settings for FromEnv<'_> {
    fn text(&self, name: &'static str) -> Result<Option<String>, BadSetting> {
        let Some(value) = self.get(name) else { return Ok(None) };
        // In wrangler.jsonc a number or a boolean may stand without quotes.
        let text = value
            .as_string()
            .or_else(|| value.as_f64().map(|number| number.to_string()))
            .or_else(|| value.as_bool().map(|truth| truth.to_string()));
        text.map(Some).ok_or_else(|| BadSetting::new(name, "is neither text nor a number nor a boolean", "text"))
    }

    fn is_bound(&self, name: &'static str) -> bool {
        self.get(name).is_some()
    }
}
