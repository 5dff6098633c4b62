/*
 * One session that looks at a maildrop: listing PORT LOGIN PASSWORD
 *
 * Connects, logs in, asks STAT, LIST and UIDL, quits. Prints one line of JSON: seconds from before the connection to the last
 * octet of UIDL, of these those until PASS was answered, messages by STAT, and the lines of LIST and of UIDL.
 */
#include "pop3.h"

int main(int count, char **words) {
  if (count != 4) die("listing PORT LOGIN PASSWORD");
  struct line line = {0};
  double began = now();
  line_log_in(&line, atoi(words[1]), NULL, words[2], words[3], 256 << 10);
  double in = now() - began;
  long messages = 0;
  line_ask(&line, "STAT", "", 0);
  sscanf(line.status, "+OK %ld", &messages);
  line.counting = 1;
  line_ask(&line, "LIST", "", 1);
  size_t listed = line.feeds;
  line.feeds = 0;
  line_ask(&line, "UIDL", "", 1);
  double seconds = now() - began;
  size_t named = line.feeds;
  line_ask(&line, "QUIT", "", 0);
  printf("{\"seconds\":%.6f,\"login\":%.6f,\"messages\":%ld,\"listed\":%zu,\"named\":%zu}\n", seconds, in, messages, listed, named);
}
