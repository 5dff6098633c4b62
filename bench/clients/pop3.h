/*
 * One POP3 connection, plain or TLS 1.3, for the load clients: lean enough that the server is what is measured.
 * Whatever goes wrong ends the program with a word on stderr.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define die(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), exit(1))

struct line {
  int fd;
  SSL *tls;
  /* Octets that were received: those from `at` to `end` are not consumed. */
  char *in;
  size_t at, end, room;
  /* Of the reply under way: whether its status line is consumed, and the octets of its lines so far. */
  int inside;
  size_t octets;
  /* The last status line. */
  char status[128];
  /* Line feeds in replies of many lines, counted where `counting`. */
  int counting;
  size_t feeds;
};

static inline double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

/* Seconds of processor time of this process. */
static inline double processor(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* Trusts anybody and keeps no session: every handshake is a full one. X25519, so that both servers do the same work. */
static inline SSL_CTX *tls_context(void) {
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set1_groups_list(context, "X25519");
  return context;
}

/* Connects to a port of 127.0.0.1; `room`: for octets received; `from`: 0, or an address of ours, as 127.0.0.2. */
static inline void line_open(struct line *line, int port, size_t room, const char *from) {
  char *in = line->room == room ? line->in : realloc(line->in, room);
  memset(line, 0, sizeof *line);
  line->in = in;
  line->room = room;
  line->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int yes = 1;
  setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  struct timeval patience = {.tv_sec = 60};
  setsockopt(line->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  struct sockaddr_in at = {.sin_family = AF_INET};
  if (from != NULL) {
    inet_pton(AF_INET, from, &at.sin_addr);
    setsockopt(line->fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &yes, sizeof yes);
    if (bind(line->fd, (struct sockaddr *)&at, sizeof at) != 0) die("bind %s: %s", from, strerror(errno));
  }
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(port);
  if (connect(line->fd, (struct sockaddr *)&at, sizeof at) != 0) die("connect to port %d: %s", port, strerror(errno));
}

static inline void line_nonblocking(struct line *line) { fcntl(line->fd, F_SETFL, O_NONBLOCK); }

static inline void line_close(struct line *line) {
  if (line->tls != NULL) SSL_free(line->tls);
  line->tls = NULL;
  close(line->fd);
}

/* Goes on with the TLS handshake, begun if it is not yet. 1: done; 0: wait until there is something to read; -1: refused. */
static inline int line_secure(struct line *line, SSL_CTX *context) {
  if (line->tls == NULL) {
    line->tls = SSL_new(context);
    SSL_set_fd(line->tls, line->fd);
  }
  int done = SSL_connect(line->tls);
  if (done == 1) return 1;
  return SSL_get_error(line->tls, done) == SSL_ERROR_WANT_READ ? 0 : -1;
}

/* Sends all of it: commands always fit into the socket. */
static inline int line_send(struct line *line, const char *text, size_t length) {
  ssize_t sent = line->tls != NULL ? SSL_write(line->tls, text, length) : send(line->fd, text, length, MSG_NOSIGNAL);
  return sent == (ssize_t)length;
}

/* Receives what there is. 1: something; 0: wait (or, where it blocks: nothing for a minute); -1: the other side has hung up. */
static inline int line_receive(struct line *line) {
  if (line->at == line->end) line->at = line->end = 0;
  else if (line->at > 0 && line->end == line->room) {
    memmove(line->in, line->in + line->at, line->end - line->at);
    line->end -= line->at;
    line->at = 0;
  }
  if (line->end == line->room) die("the server sent a line of more than %zu octets", line->room);
  char *to = line->in + line->end;
  size_t free = line->room - line->end;
  ssize_t got;
  if (line->tls == NULL) {
    got = recv(line->fd, to, free, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  } else {
    got = SSL_read(line->tls, to, free);
    if (got <= 0 && SSL_get_error(line->tls, got) == SSL_ERROR_WANT_READ) return 0;
  }
  if (got <= 0) return -1;
  line->end += got;
  return 1;
}

/* Whether there is more to receive that no socket tells of. */
static inline int line_pending(struct line *line) { return line->tls != NULL && SSL_has_pending(line->tls); }

static inline void line_drop(struct line *line, size_t count) {
  if (line->counting)
    for (size_t i = 0; i < count; i++) line->feeds += line->in[line->at + i] == '\n';
  line->at += count;
  line->octets += count;
}

/*
 * Consumes octets of the reply under way. 1: it is whole, and `octets` are those of its lines, dots as they came;
 * 0: more must be received; -1: it is not +OK.
 */
static inline int line_reply(struct line *line, int many) {
  char *end;
  if (!line->inside) {
    char *from = line->in + line->at;
    end = memchr(from, '\n', line->end - line->at);
    if (end == NULL) return 0;
    size_t length = end - from < (long)sizeof line->status ? (size_t)(end - from) : sizeof line->status - 1;
    memcpy(line->status, from, length);
    line->status[length] = 0;
    line->octets = 0;
    line->at = end + 1 - line->in;
    if (line->status[0] != '+') return -1;
    if (!many) return 1;
    line->inside = 1;
    /* The CRLF of this line may be the first of the end that is looked for. */
    line->at -= 2;
    line->octets = -(size_t)2;
    if (line->counting) line->feeds--;
  }
  end = memmem(line->in + line->at, line->end - line->at, "\r\n.\r\n", 5);
  if (end != NULL) {
    line_drop(line, end + 2 - (line->in + line->at));
    line->at += 3;
    line->inside = 0;
    return 1;
  }
  /* All but what could be the beginning of the end is dropped. */
  if (line->end - line->at > 4) line_drop(line, line->end - line->at - 4);
  return 0;
}

/* Waits for a whole reply, on a connection that blocks. */
static inline void line_hear(struct line *line, int many, const char *what) {
  for (;;) {
    int whole = line_reply(line, many);
    if (whole == 1) return;
    if (whole < 0) die("%s was answered %s", what, line->status);
    int received = line_receive(line);
    if (received < 0) die("the server hung up at %s", what);
    if (received == 0) die("the server was silent for a minute at %s", what);
  }
}

static inline void line_ask(struct line *line, const char *command, const char *argument, int many) {
  char text[256];
  int length = snprintf(text, sizeof text, *argument ? "%s %s\r\n" : "%s%s\r\n", command, argument);
  if (!line_send(line, text, length)) die("cannot send %s", command);
  line_hear(line, many, command);
}

/* Connects, with TLS or not, and logs in; it blocks. */
static inline void line_log_in(struct line *line, int port, SSL_CTX *context, const char *login, const char *password, size_t room) {
  line_open(line, port, room, NULL);
  if (context != NULL && line_secure(line, context) != 1) die("no TLS at port %d", port);
  line_hear(line, 0, "the connection");
  line_ask(line, "USER", login, 0);
  line_ask(line, "PASS", password, 0);
}

/* Prints what a TLS connection is: ,"protocol":…,"certificate":… (base64 of DER). */
static inline void line_describe(struct line *line) {
  unsigned char *der = NULL;
  X509 *certificate = SSL_get1_peer_certificate(line->tls);
  int length = i2d_X509(certificate, &der);
  char *text = malloc(length * 2 + 4);
  EVP_EncodeBlock((unsigned char *)text, der, length);
  printf(",\"protocol\":\"%s\",\"certificate\":\"%s\"", SSL_get_version(line->tls), text);
}
