/*
 * Reads whole maildrops and keeps nothing of them: drain PORT plain|tls PASSWORD COUNT pipelined|turns LOGIN…
 *
 * A connection for each login, all at once, each with COUNT messages. Prints one line of JSON: seconds from the first RETR to the
 * last message's end, messages, their octets as stuffed, and the processor seconds that it used.
 */
#include "pop3.h"

/* So many commands are on their way at most where they are pipelined, and so many are sent together. */
enum { window = 512, batch = 256 };

struct connection {
  struct line line;
  int asked, done;
};

static int messages, pipelined;

static void ask(struct connection *connection) {
  char text[batch * 16];
  int length = 0, many = pipelined ? batch : 1;
  while (many-- > 0 && connection->asked < messages)
    length += snprintf(text + length, sizeof text - length, "RETR %d\r\n", ++connection->asked);
  if (length > 0 && !line_send(&connection->line, text, length)) die("cannot send RETR");
}

/* Takes what has come; gives the octets of the messages that are whole now. */
static size_t take(struct connection *connection) {
  struct line *line = &connection->line;
  size_t octets = 0;
  do {
    int received = line_receive(line);
    if (received < 0) die("the server hung up after %d messages", connection->done);
    if (received == 0) return octets;
    int whole;
    while (connection->done < messages && (whole = line_reply(line, 1)) != 0) {
      if (whole < 0) die("message %d: %s", connection->done + 1, line->status);
      connection->done++;
      octets += line->octets;
      if (connection->asked - connection->done <= (pipelined ? window - batch : 0)) ask(connection);
    }
  } while (line_pending(line));
  return octets;
}

int main(int count, char **words) {
  if (count < 7) die("drain PORT plain|tls PASSWORD COUNT pipelined|turns LOGIN…");
  signal(SIGPIPE, SIG_IGN);
  SSL_CTX *context = strcmp(words[2], "tls") == 0 ? tls_context() : NULL;
  if (context != NULL) {
    /* Many records at one call of the system. */
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, 256 << 10);
  }
  int all = count - 6;
  messages = atoi(words[4]);
  pipelined = strcmp(words[5], "pipelined") == 0;
  struct connection *connections = calloc(all, sizeof *connections);
  int polling = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < all; i++) {
    struct line *line = &connections[i].line;
    line_log_in(line, atoi(words[1]), context, words[6 + i], words[3], 256 << 10);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};
    epoll_ctl(polling, EPOLL_CTL_ADD, line->fd, &event);
    if (all > 1) line_nonblocking(line);
  }
  size_t octets = 0;
  double used = processor(), began = now();
  for (int i = 0; i < all; i++) {
    ask(&connections[i]);
    if (pipelined) ask(&connections[i]);
  }
  while (all == 1 && connections[0].done < messages) {
    double before = now();
    octets += take(&connections[0]);
    if (now() - before > 59) die("the server has said nothing for a minute");
  }
  for (int left = all > 1 ? all : 0; left > 0;) {
    struct epoll_event events[64];
    int ready = epoll_wait(polling, events, 64, 60000);
    if (ready == 0) die("the server has said nothing for a minute");
    for (int i = 0; i < ready; i++) {
      struct connection *connection = events[i].data.ptr;
      octets += take(connection);
      if (connection->done < messages) continue;
      epoll_ctl(polling, EPOLL_CTL_DEL, connection->line.fd, NULL);
      left--;
    }
  }
  double seconds = now() - began;
  double spent = processor() - used;
  for (int i = 0; i < all; i++) line_send(&connections[i].line, "QUIT\r\n", 6);
  printf("{\"seconds\":%.6f,\"messages\":%d,\"octets\":%zu,\"processor\":%.6f}\n", seconds, messages * all, octets, spent);
}
