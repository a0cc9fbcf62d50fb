// A TCP port for a test.
#ifndef TESTS_HELPERS_FREE_PORT_H_
#define TESTS_HELPERS_FREE_PORT_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <random>

namespace metaprompt {

// Whether a program can listen on the port.
inline bool CanListen(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const bool can = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return can;
}

// A port such that nobody listens on it or on the next one. It is not one of those that the system gives to outgoing
// connections (from 32768 on), because it would soon give it to another process.
inline int FreePort() {
  static std::mt19937 random{std::random_device()()};
  int port = 0;
  do {
    port = std::uniform_int_distribution<int>(10000, 19998)(random);
  } while (!CanListen(port) || !CanListen(port + 1));
  return port;
}

}  // namespace metaprompt

#endif  // TESTS_HELPERS_FREE_PORT_H_
