//! TLS: what a client that trusts one certificate hears, before and after the certificate changes.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};
use support::{Server, assert_fails, folder, lamassu};

/// Writes a new certificate and its key, and gives the certificate for a client to trust.
fn certify(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    std::fs::write(folder.join("chain.pem"), made.cert.pem()).expect("it is written");
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).expect("it is written");
    made.cert.der().clone()
}

/// What `/livez` answers to a client that trusts only `root`.
fn live(server: &Server, root: &CertificateDer<'static>) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions").with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let mut client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let address = server.address.strip_prefix("https://").expect("it says that it speaks TLS");
    let mut socket = TcpStream::connect(address)?;
    let mut stream = Stream::new(&mut client, &mut socket);
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    // Servers may hang up without saying so.
    let _ = stream.read_to_string(&mut answer);
    Ok(answer)
}

fn start(folder: &Path) -> Server {
    let path = |name: &str| folder.join(name).display().to_string();
    let (chain, key) = (path("chain.pem"), path("key.pem"));
    Server::start(&[], &[("LAMASSU_TLS__CERTIFICATE", &chain), ("LAMASSU_TLS__KEY", &key)])
}

#[test]
fn a_new_certificate_is_in_force_without_a_restart_and_a_broken_one_never_is() {
    let folder = folder();
    let first = certify(folder.path());
    let server = start(folder.path());
    assert!(live(&server, &first).expect("an answer").starts_with("HTTP/1.1 200"));
    std::fs::write(folder.path().join("chain.pem"), "no certificate").expect("it is written");
    // Twice as long as the service takes to look.
    std::thread::sleep(Duration::from_secs(4));
    assert!(live(&server, &first).expect("an answer").starts_with("HTTP/1.1 200"));
    let second = certify(folder.path());
    let until = Instant::now() + Duration::from_mins(1);
    while live(&server, &second).is_err() {
        assert!(Instant::now() < until, "the new certificate does not come into force");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(live(&server, &first).is_err());
}

#[test]
fn a_service_without_a_usable_certificate_does_not_start() {
    let data = folder();
    let file = data.path().join("chain.pem");
    std::fs::write(&file, "no certificate").expect("it is written");
    let file = file.display().to_string();
    let output = lamassu(data.path())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .envs([("LAMASSU_TLS__CERTIFICATE", &file), ("LAMASSU_TLS__KEY", &file)])
        .output()
        .expect("it ends");
    assert_fails(&output, "holds no certificate");
}
