//! Being told to stop.

/// Returns when a person or a service manager asks this process to stop: nothing half-written must be left.
///
/// # Errors
///
/// The system does not let this process listen.
#[cfg(unix)]
pub(crate) async fn told() -> std::io::Result<()> {
    let mut ended = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = ended.recv() => Ok(()),
    }
}

/// The same on Windows, where it is Ctrl-C, Ctrl-Break, a closed window or the machine's shutdown. Of the last two the
/// system takes a handler's return for leave to end the process; tokio's does not return.
#[cfg(windows)]
pub(crate) async fn told() -> std::io::Result<()> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};
    let (mut interrupted, mut broken) = (ctrl_c()?, ctrl_break()?);
    let (mut closed, mut shut) = (ctrl_close()?, ctrl_shutdown()?);
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = broken.recv() => {}
        _ = closed.recv() => {}
        _ = shut.recv() => {}
    }
    Ok(())
}
