/*
 * Mixed sessions at a steady rate: soak PORT PORTS PASSWORD RATE SECONDS MESSAGES LOGIN…
 *
 * RATE sessions a second begin for so many seconds, whether or not those before are over; each takes a login that has none. Those of
 * PORT are plain or use STLS, those of PORTS implicit TLS. They list, read, look at the top, mark and take back, or hang up in the
 * middle of a message. The last login is for wrong passwords only: one at a time, from 127.0.0.2. Every maildrop has MESSAGES messages.
 *
 * Prints a line of JSON every ten seconds, of all since the beginning: sessions that came to their end, that were refused at the
 * log-in, that the server ended or answered wrongly, that could not begin because no login was free; processor seconds.
 */
#include "pop3.h"

/* "?" is the number of some message; "!" hangs up. Replies to these verbs have many lines. */
static const char *const scripts[][8] = {
    {"STAT", "QUIT"},
    {"STAT", "QUIT"},
    {"STAT", "LIST", "UIDL", "QUIT"},
    {"CAPA", "UIDL", "RETR ?", "RETR ?", "RETR ?", "QUIT"},
    {"LIST", "TOP ? 5", "TOP ? 0", "NOOP", "QUIT"},
    {"DELE 1", "DELE 2", "RSET", "STAT", "QUIT"},
    {"STAT", "RETR ?", "!"},
};
static const char *const wrong[] = {"QUIT"};
enum { kinds = sizeof scripts / sizeof *scripts };

enum phase { handshake, greeting, stls, stls_handshake, user, pass, script, hangup };

struct session {
  struct line line;
  const char *login;
  const char *const *script;
  enum phase phase;
  int starttls, many, wrong;
  struct session *next;
};

static int polling, messages;
static const char *password;
static SSL_CTX *context;
static struct session *first_free, **last_free = &first_free, wrongs;
static long over, refused, failed, late, open_now;

static unsigned chance(void) {
  static uint32_t state = 1;
  state = state * 1664525 + 1013904223;
  return state >> 8;
}

static void end(struct session *session) {
  line_close(&session->line);
  open_now--;
  session->next = NULL;
  if (session->wrong) wrongs.next = session;
  else {
    *last_free = session;
    last_free = &session->next;
  }
}

/* Something that should not happen: counted, and the first few are told. */
static void fail(struct session *session, const char *what) {
  if (failed++ < 20) fprintf(stderr, "%s, phase %d: %s: %s\n", session->login, session->phase, what, session->line.status);
  end(session);
}

static void say(struct session *session, const char *text) {
  char line[256];
  int length = 0;
  for (; *text; text++) {
    if (*text == '?') length += snprintf(line + length, 16, "%u", 1 + chance() % messages);
    else line[length++] = *text;
  }
  line[length++] = '\r';
  line[length++] = '\n';
  line_send(&session->line, line, length);
  session->many = strchr("LURTC", line[0]) != NULL && memcmp(line, "USER", 4) != 0 && memcmp(line, "RSET", 4) != 0;
}

static void say_word(struct session *session, const char *verb, const char *word) {
  char text[200];
  snprintf(text, sizeof text, "%s %s", verb, word);
  say(session, text);
}

/* Says the next line of the script. 1: the session is over. */
static int next_line(struct session *session) {
  const char *text = *session->script++;
  if (strcmp(text, "QUIT") == 0) session->phase = hangup;
  if (*text != '!') return say(session, text), 0;
  over++;
  end(session);
  return 1;
}

/* A whole reply has come. 1: the session is over. */
static int answered(struct session *session, int whole) {
  if (session->phase == pass && whole < 0) {
    if (!session->wrong) {
      if (refused++ < 20) fprintf(stderr, "%s: %s\n", session->login, session->line.status);
    }
    session->script = wrong;
    session->phase = script;
    return next_line(session);
  }
  if (whole < 0) return fail(session, "refused"), 1;
  switch (session->phase) {
    case greeting:
      session->phase = session->starttls ? stls : user;
      if (session->starttls) say(session, "STLS");
      else say_word(session, "USER", session->login);
      return 0;
    case stls:
      session->phase = stls_handshake;
      return 0;
    case user:
      session->phase = pass;
      say_word(session, "PASS", session->wrong ? "wrong" : password);
      return 0;
    case pass:
      session->phase = script;
      return next_line(session);
    case script:
      return next_line(session);
    default:
      return 0;
  }
}

static void go_on(struct session *session) {
  struct line *line = &session->line;
  if (session->phase == handshake || session->phase == stls_handshake) {
    int secure = line_secure(line, context);
    if (secure < 0) return fail(session, "no TLS");
    if (secure == 0) return;
    if (session->phase == handshake) session->phase = greeting;
    else {
      session->phase = user;
      say_word(session, "USER", session->login);
    }
  }
  do {
    int received = line_receive(line);
    if (received == 0) return;
    if (received < 0) {
      if (session->phase != hangup || line->at != line->end) return fail(session, "the server hung up");
      over++;
      return end(session);
    }
    for (int whole; line->at < line->end && (whole = line_reply(line, session->many)) != 0;) {
      if (answered(session, whole)) return;
      if (session->phase == stls_handshake) {
        if (line_secure(line, context) < 0) return fail(session, "no TLS");
        return;
      }
    }
  } while (1);
}

static void begin(struct session *session, int port, int ports) {
  session->phase = greeting;
  session->many = 0;
  session->starttls = 0;
  session->script = scripts[chance() % kinds];
  unsigned way = chance() % 3;
  line_open(&session->line, way == 2 ? ports : port, 64 << 10, session->wrong ? "127.0.0.2" : NULL);
  line_nonblocking(&session->line);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = session};
  epoll_ctl(polling, EPOLL_CTL_ADD, session->line.fd, &event);
  open_now++;
  if (way == 1) session->starttls = 1;
  if (way < 2) return;
  session->phase = handshake;
  if (line_secure(&session->line, context) < 0) fail(session, "no TLS");
}

static void tell(double seconds) {
  printf("{\"seconds\":%.1f,\"sessions\":%ld,\"refused\":%ld,\"failed\":%ld,\"late\":%ld,\"open\":%ld,\"processor\":%.2f}\n", seconds,
         over, refused, failed, late, open_now, processor());
  fflush(stdout);
}

int main(int count, char **words) {
  if (count < 9) die("soak PORT PORTS PASSWORD RATE SECONDS MESSAGES LOGIN LOGIN…");
  signal(SIGPIPE, SIG_IGN);
  int port = atoi(words[1]), ports = atoi(words[2]);
  double rate = atof(words[4]), length = atof(words[5]);
  password = words[3];
  messages = atoi(words[6]);
  polling = epoll_create1(EPOLL_CLOEXEC);
  context = tls_context();
  int logins = count - 7;
  struct session *sessions = calloc(logins, sizeof *sessions);
  for (int i = 0; i < logins; i++) {
    sessions[i].login = words[7 + i];
    if (i == logins - 1) {
      sessions[i].wrong = 1;
      wrongs.next = &sessions[i];
    } else {
      *last_free = &sessions[i];
      last_free = &sessions[i].next;
    }
  }
  double began = now(), told = 0;
  long begun = 0, mistaken = 0;
  while (now() - began < length || open_now > 0) {
    double at = now() - began;
    /* After the end those that are open have ten seconds. */
    if (at > length + 10) break;
    if (at < length && begun < at * rate) {
      struct session *session = first_free;
      begun++;
      if (session == NULL) late++;
      else {
        first_free = session->next;
        if (first_free == NULL) last_free = &first_free;
        begin(session, port, ports);
      }
    }
    /* A wrong password every other second. */
    if (at < length && wrongs.next != NULL && mistaken < at / 2) {
      struct session *session = wrongs.next;
      wrongs.next = NULL;
      mistaken = at / 2 + 1;
      begin(session, port, ports);
    }
    if (at >= told + 10) tell(told += 10);
    double due = (begun / rate - at) * 1000;
    struct epoll_event events[64];
    int ready = epoll_wait(polling, events, 64, due > 100 ? 100 : due > 1 ? (int)due : begun < at * rate ? 0 : 1);
    for (int i = 0; i < ready; i++) go_on(events[i].data.ptr);
  }
  failed += open_now;
  tell(now() - began);
}
