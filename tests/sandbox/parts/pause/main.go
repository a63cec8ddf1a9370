// Command pause holds the namespaces of a Pod open, and does nothing else.
//
// containerd starts one for every Pod (the "sandbox image" of its CRI plugin). Built from this file, it needs no image
// registry.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	<-stop
}
