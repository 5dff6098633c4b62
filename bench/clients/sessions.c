/*
 * Logs in, asks STAT and quits, over and over: sessions PORT plain|tls PASSWORD COUNT LOGIN…
 *
 * Each login has one session at a time; all run at once, in this one process. Prints one line of JSON: seconds until the last is
 * done, sessions, the processor seconds that it used, and for TLS the protocol and the server's certificate.
 */
#include "pop3.h"

enum { handshake, greeting, user, pass, stat_, quit, hangup };

struct session {
  struct line line;
  const char *login;
  int left, step;
};

static int port, polling;
static SSL_CTX *context;
static const char *password;

static void begin(struct session *session) {
  line_open(&session->line, port, 4096, NULL);
  line_nonblocking(&session->line);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = session};
  epoll_ctl(polling, EPOLL_CTL_ADD, session->line.fd, &event);
  session->step = context != NULL ? handshake : greeting;
  if (context != NULL && line_secure(&session->line, context) < 0) die("no TLS at port %d", port);
}

static void say(struct session *session, const char *command, const char *argument) {
  char text[256];
  int length = snprintf(text, sizeof text, *argument ? "%s %s\r\n" : "%s%s\r\n", command, argument);
  if (!line_send(&session->line, text, length)) die("cannot send %s", command);
}

/* Does what can be done now. 1: the session is over. */
static int go_on(struct session *session) {
  struct line *line = &session->line;
  if (session->step == handshake) {
    int secure = line_secure(line, context);
    if (secure < 0) die("no TLS at port %d", port);
    if (secure == 0) return 0;
    session->step = greeting;
  }
  for (;;) {
    int received = line_receive(line);
    if (received == 0) return 0;
    if (session->step == hangup) {
      if (received > 0) die("the server said more than it was asked");
      line_close(line);
      return 1;
    }
    if (received < 0) die("the server hung up at step %d", session->step);
    int whole = line_reply(line, 0);
    if (whole < 0) die("step %d was answered %s", session->step, line->status);
    if (whole == 0) continue;
    switch (++session->step) {
      case user: say(session, "USER", session->login); break;
      case pass: say(session, "PASS", password); break;
      case stat_: say(session, "STAT", ""); break;
      case quit: say(session, "QUIT", ""); break;
    }
    if (session->step != hangup && !line_pending(line)) return 0;
  }
}

int main(int count, char **words) {
  if (count < 6) die("sessions PORT plain|tls PASSWORD COUNT LOGIN…");
  signal(SIGPIPE, SIG_IGN);
  int logins = count - 5;
  int each = atoi(words[4]) / logins;
  port = atoi(words[1]);
  password = words[3];
  polling = epoll_create1(EPOLL_CLOEXEC);
  if (strcmp(words[2], "tls") == 0) context = tls_context();
  struct line first = {0};
  if (context != NULL) {
    line_open(&first, port, 4096, NULL);
    if (line_secure(&first, context) != 1) die("no TLS at port %d", port);
  }
  struct session *sessions = calloc(logins, sizeof *sessions);
  double used = processor(), began = now();
  for (int i = 0; i < logins; i++) {
    sessions[i].login = words[5 + i];
    sessions[i].left = each;
    begin(&sessions[i]);
  }
  struct epoll_event events[64];
  for (int over = 0; over < logins;) {
    int ready = epoll_wait(polling, events, 64, 60000);
    if (ready == 0) die("the server has said nothing for a minute");
    for (int i = 0; i < ready; i++) {
      struct session *session = events[i].data.ptr;
      if (!go_on(session)) continue;
      if (--session->left > 0) begin(session);
      else over++;
    }
  }
  printf("{\"seconds\":%.6f,\"sessions\":%d,\"processor\":%.6f", now() - began, each * logins, processor() - used);
  if (context != NULL) line_describe(&first);
  puts("}");
}
