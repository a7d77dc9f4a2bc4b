//! Load on the real server program and on a bare hyper that answers the same bytes, in turns, over loopback.
//!
//! Both have one worker thread. Because the turns are short and alternate, whatever else the machine does hits both; the
//! ratio within a run is what counts.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::json;
use tempfile::TempDir;
use wisdom_benches::Trouble;
use wisdom_benches::client::{Slice, load};
use wisdom_benches::exchange::{get, post};
use wisdom_benches::program::Program;

const PASSWORD: &str = "violet kettle under seven bridges";

/// Compares `GET /v1/me` of wisdom-server with bare hyper. Both programs must lie beside this one.
#[derive(Debug, Parser)]
struct Arguments {
    /// Turns of each program.
    #[arg(long, default_value_t = 15)]
    rounds: u32,
    /// Length of a turn.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Connections, each with one request at a time.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Starts for the start-up time.
    #[arg(long, default_value_t = 10)]
    starts: u32,
    /// Pins both programs to this processor (`taskset`); run this program itself on another one.
    #[arg(long)]
    processor: Option<u32>,
    /// A setting of the server, as its own `--set`; may come several times.
    #[arg(long)]
    set: Vec<String>,
    /// Instead of loading: start both, print commands for another load program, and wait for a line on standard input.
    #[arg(long)]
    hold: bool,
}

/// What the turns of one program brought.
#[derive(Debug, Default)]
struct Figures {
    rates: Vec<f64>,
    latencies: [Vec<f64>; 3],
    /// Processor time of one request, in microseconds.
    work: Vec<f64>,
    /// Share of a turn in which the program was at work, of one processor.
    busy: Vec<f64>,
}

impl Figures {
    #[expect(
        clippy::cast_precision_loss,
        reason = "far fewer requests than a float counts exactly"
    )]
    fn add(&mut self, slice: &Slice, work: Duration) {
        self.rates.push(slice.rate());
        for (list, thousandths) in self.latencies.iter_mut().zip([500, 950, 990]) {
            list.push(slice.latency(thousandths).as_secs_f64() * 1e6);
        }
        self.work
            .push(work.as_secs_f64() * 1e6 / slice.latencies.len() as f64);
        self.busy.push(work.as_secs_f64() / slice.time.as_secs_f64());
    }
}

fn main() -> Result<(), Trouble> {
    let arguments = Arguments::parse();
    let folder = std::env::current_exe()?
        .parent()
        .map(Path::to_owned)
        .ok_or("this program lies nowhere")?;
    let data = TempDir::new()?;
    let server = ServerFiles::new(&folder, data.path(), &arguments);
    server.prepare()?;
    let start_up = server.start_up(arguments.starts)?;

    let wisdom = server.start()?;
    std::thread::park_timeout(Duration::from_secs(2));
    let idle = wisdom.resident_kib()?;
    let token = log_in(&wisdom)?;
    let answer = get(wisdom.address(), "/v1/me", Some(&token))?;
    answer.json(200)?;
    let mut canned = String::new();
    for (name, value) in &answer.headers {
        canned.extend([name.as_str(), ": ", value.to_str()?, "\n"]);
    }
    canned += "\n";
    canned += std::str::from_utf8(&answer.body)?;
    let file = data.path().join("answer");
    fs::write(&file, canned)?;
    let flags = ["--answer".to_owned(), file.display().to_string()];
    let bare = Program::start(&folder.join("bare-hyper"), arguments.processor, &flags)?;
    if arguments.hold {
        for program in [&bare, &wisdom] {
            println!(
                "wrk -t1 -c{} -d10s --latency -H 'Authorization: Bearer {token}' http://{}/v1/me",
                arguments.connections,
                program.address()
            );
        }
        std::io::stdin().read_line(&mut String::new())?;
        return Ok(());
    }

    let request = format!("GET /v1/me HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n");
    let turn = |program: &Program, figures: &mut Figures| -> Result<(), Trouble> {
        let before = program.processor_time()?;
        let time = Duration::from_secs_f64(arguments.seconds);
        let slice = load(
            program.address(),
            request.as_bytes(),
            &answer.body,
            arguments.connections,
            time,
        )?;
        figures.add(&slice, program.processor_time()?.saturating_sub(before));
        Ok(())
    };
    let (mut of_wisdom, mut of_bare) = (Figures::default(), Figures::default());
    for (program, warm) in [
        (&bare, &mut Figures::default()),
        (&wisdom, &mut Figures::default()),
    ] {
        turn(program, warm)?;
    }
    for round in 0..arguments.rounds {
        if round % 2 == 0 {
            turn(&bare, &mut of_bare)?;
            turn(&wisdom, &mut of_wisdom)?;
        } else {
            turn(&wisdom, &mut of_wisdom)?;
            turn(&bare, &mut of_bare)?;
        }
    }
    let loaded = wisdom.resident_kib()?;

    println!(
        "{} turns of {} s each, {} connections, one worker thread; median (least to most)",
        arguments.rounds, arguments.seconds, arguments.connections
    );
    println!("{:32}{:>32}{:>32}", "", "bare hyper", "wisdom-server");
    row("requests a second", &of_bare.rates, &of_wisdom.rates, 0);
    for (name, index) in [("P50, µs", 0), ("P95, µs", 1), ("P99, µs", 2)] {
        row(name, &of_bare.latencies[index], &of_wisdom.latencies[index], 0);
    }
    row("processor time a request, µs", &of_bare.work, &of_wisdom.work, 2);
    row("busy, of one processor", &of_bare.busy, &of_wisdom.busy, 2);
    let ratios = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a / b * 100.0).collect::<Vec<f64>>();
    println!(
        "requests a second, wisdom-server of bare hyper: {} %",
        spread(&ratios(&of_wisdom.rates, &of_bare.rates), 1)
    );
    println!(
        "processor time, bare hyper of wisdom-server: {} %",
        spread(&ratios(&of_bare.work, &of_wisdom.work), 1)
    );
    println!(
        "resident memory of wisdom-server: idle {}, after the load {}",
        mebibytes(idle),
        mebibytes(loaded)
    );
    println!(
        "start to first answer on an existing SQLite file, {} starts: {} ms",
        arguments.starts,
        spread(&start_up, 1)
    );
    wisdom.stop()
}

/// The server program, its data and how it is started.
struct ServerFiles {
    program: PathBuf,
    data: PathBuf,
    processor: Option<u32>,
    flags: Vec<String>,
}

impl ServerFiles {
    fn new(folder: &Path, data: &Path, arguments: &Arguments) -> Self {
        let data = data.join("data");
        let mut flags = vec!["--listen".to_owned(), "127.0.0.1:0".to_owned()];
        flags.extend(["--data-dir".to_owned(), data.display().to_string()]);
        let settings = [
            "runtime.worker_threads=1",
            "log.level=warn",
            "log.requests=false",
            "rate_limit.per_address=60000000",
            "rate_limit.per_user=60000000",
            "auth.access_token_seconds=900",
        ];
        for setting in settings
            .into_iter()
            .chain(arguments.set.iter().map(String::as_str))
        {
            flags.extend(["--set".to_owned(), setting.to_owned()]);
        }
        Self {
            program: folder.join("wisdom-server"),
            data,
            processor: arguments.processor,
            flags,
        }
    }

    fn start(&self) -> Result<Program, Trouble> {
        Program::start(&self.program, self.processor, &self.flags)
    }

    /// Makes the database with one person in it.
    fn prepare(&self) -> Result<(), Trouble> {
        let program = self.start()?;
        let body = json!({
            "email": "ada@example.com", "password": PASSWORD, "display_name": "Ada", "tenant_name": "Acme",
        });
        post(program.address(), "/v1/auth/sign-up", &body)?.json(202)?;
        let token = self.mailed_token()?;
        let reply = post(
            program.address(),
            "/v1/auth/verify-email",
            &json!({ "token": token }),
        )?;
        if reply.status != 204 {
            reply.json(204)?;
        }
        program.stop()
    }

    /// The token in the one mail that was sent.
    fn mailed_token(&self) -> Result<String, Trouble> {
        for _ in 0..600 {
            let files = fs::read_dir(self.data.join("mail")).into_iter().flatten();
            for file in files {
                let path = file?.path();
                if path.extension().is_none_or(|extension| extension != "eml") {
                    continue;
                }
                // Long lines are cut softly in quoted-printable.
                let text = fs::read_to_string(path)?.replace("=\r\n", "").replace("=3D", "=");
                if let Some(token) = text.lines().find_map(|line| line.strip_prefix("Token: ")) {
                    return Ok(token.trim().to_owned());
                }
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        Err("no mail came".into())
    }

    /// Milliseconds from starting the program to its first answer, of each of so many starts.
    #[expect(clippy::disallowed_methods, reason = "measures")]
    fn start_up(&self, starts: u32) -> Result<Vec<f64>, Trouble> {
        let mut times = Vec::new();
        for _ in 0..starts {
            let started = Instant::now();
            let program = self.start()?;
            get(program.address(), "/healthz", None)?.json(200)?;
            times.push(started.elapsed().as_secs_f64() * 1e3);
            program.stop()?;
        }
        Ok(times)
    }
}

fn log_in(program: &Program) -> Result<String, Trouble> {
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let pair = post(program.address(), "/v1/auth/log-in", &body)?.json(200)?;
    Ok(pair["access_token"].as_str().ok_or("no access token")?.to_owned())
}

fn row(name: &str, bare: &[f64], wisdom: &[f64], digits: usize) {
    println!(
        "{name:32}{:>32}{:>32}",
        spread(bare, digits),
        spread(wisdom, digits)
    );
}

/// The median, and least and most.
fn spread(figures: &[f64], digits: usize) -> String {
    let mut sorted = figures.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match (sorted.get(sorted.len() / 2), sorted.first(), sorted.last()) {
        (Some(median), Some(least), Some(most)) => {
            format!("{median:.digits$} ({least:.digits$} to {most:.digits$})")
        }
        _ => "not measured".to_owned(),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "memory is far smaller than a float counts exactly"
)]
fn mebibytes(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}
