//! Tokens of Entra ID: which of them open what, with keys made here.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};
use support::{Server, file, folder};

const ISSUER: &str = "https://login.example.com/tenant/v2.0";
const AUDIENCE: &str = "https://cognitiveservices.azure.com";

/// A key pair with its name.
struct Signer {
    id: &'static str,
    private: EncodingKey,
    public: Value,
}

impl Signer {
    fn new(id: &'static str) -> Self {
        let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).expect("a key");
        let number = |number: &rsa::BigUint| BASE64URL_NOPAD.encode(&number.to_bytes_be());
        let public = json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": number(key.n()), "e": number(key.e())});
        let der = key.to_pkcs1_der().expect("DER");
        Self { id, private: EncodingKey::from_rsa_der(der.as_bytes()), public }
    }

    fn token(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.to_owned()), ..Header::new(Algorithm::RS256) };
        encode(&header, claims, &self.private).expect("a token")
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs()
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "exp": now() + 600, "nbf": now() - 5, "sub": "s", "appid": "app-1"})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn publish(path: &Path, signers: &[&Signer]) {
    let keys: Vec<&Value> = signers.iter().map(|signer| &signer.public).collect();
    std::fs::write(path, json!({"keys": keys}).to_string()).expect("it is written");
}

fn status(server: &Server, token: &str, method: &str, path: &str) -> u16 {
    let body = if method == "POST" { br#"{"text":"Thank you."}"#.as_slice() } else { b"" };
    server.ask(method, path, &[("authorization", &format!("Bearer {token}"))], body).status
}

#[test]
fn a_token_opens_what_its_roles_say_and_none_that_is_not_for_us_opens_anything() {
    let (signer, stranger, later) = (Signer::new("k1"), Signer::new("k1"), Signer::new("k2"));
    let folder = folder();
    let jwks = folder.path().join("jwks.json");
    publish(&jwks, &[&signer]);
    let config = format!(
        "[entra]\nissuer = \"{ISSUER}\"\naudience = [\"{AUDIENCE}\"]\njwks = {:?}\nroles = {{ \"Banks.Keep\" = [\"banks\"] }}\n",
        jwks.display().to_string()
    );
    let config = file(&folder, "lamassu.toml", &config);
    let server = Server::start(&["--config", config.to_str().expect("a path")], &[]);
    let judge = |token: &str| status(&server, token, "POST", "/v1/lamassu/moderate");
    let banks = |token: &str| status(&server, token, "GET", "/v1/lamassu/banks");

    assert_eq!(judge(&signer.token(&claims())), 200);
    assert_eq!(banks(&signer.token(&claims())), 403);
    assert_eq!(banks(&signer.token(&with("roles", json!(["Banks.Keep", "Unheard.Of"])))), 200);
    for (name, value) in [
        ("iss", json!("https://login.example.com/other/v2.0")),
        ("aud", json!("https://graph.example.com")),
        ("exp", json!(now() - 3600)),
        ("nbf", json!(now() + 3600)),
    ] {
        assert_eq!(judge(&signer.token(&with(name, value))), 401, "{name}");
    }
    let mut lasting = claims();
    lasting.as_object_mut().expect("an object").remove("exp");
    assert_eq!(judge(&signer.token(&lasting)), 401);
    assert_eq!(judge(&stranger.token(&claims())), 401);
    // The public key taken for a secret, and no signature at all.
    let secret = EncodingKey::from_secret(signer.public["n"].as_str().expect("a number").as_bytes());
    let header = Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::HS256) };
    assert_eq!(judge(&encode(&header, &claims(), &secret).expect("a token")), 401);
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    assert_eq!(judge(&format!("{}.{}.", part(&json!({"alg": "none", "kid": "k1"})), part(&claims()))), 401);
    assert_eq!(server.moderate(br#"{"text":"Thank you."}"#).status, 401);

    // The issuer goes over to another key.
    assert_eq!(judge(&later.token(&claims())), 401);
    publish(&jwks, &[&signer, &later]);
    assert_eq!((judge(&later.token(&claims())), judge(&signer.token(&claims()))), (200, 200));
}

#[test]
fn a_token_may_ask_as_much_as_a_key() {
    let (signer, folder) = (Signer::new("k1"), folder());
    let jwks = folder.path().join("jwks.json");
    publish(&jwks, &[&signer]);
    let config = format!(
        "[limits]\nrequests_per_minute = 1\n[entra]\nissuer = \"{ISSUER}\"\naudience = [\"{AUDIENCE}\"]\njwks = {:?}\n",
        jwks.display().to_string()
    );
    let config = file(&folder, "lamassu.toml", &config);
    let server = Server::start(&["--config", config.to_str().expect("a path")], &[]);
    let judge = |application: &str| {
        let token = signer.token(&with("appid", json!(application)));
        status(&server, &token, "POST", "/v1/lamassu/moderate")
    };
    assert_eq!(judge("app-1"), 200);
    // A minute may begin between two of them, not between each and the next.
    assert!((0..3).any(|_| judge("app-1") == 429));
    assert_eq!(judge("app-2"), 200, "another application is another key");
}
