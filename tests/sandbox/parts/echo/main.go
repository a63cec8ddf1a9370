// Command echo stands for programs of other people: it writes to the log of its Pod what its arguments say.
//
// Built from this file, its image needs no image registry on the internet.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	flood := flag.Int("flood", 0, "write so many MiB without a line end first")
	every := flag.Duration("every", 0, "write the last line again whenever so much time has passed, and never end")
	wait := flag.Bool("wait", false, "end only when told to")
	message := flag.Bool("message", false, "the last line is the termination message too")
	flag.Parse()

	out := bufio.NewWriter(os.Stdout)
	mebibyte := bytes.Repeat([]byte("x"), 1<<20)
	for range *flood {
		out.Write(mebibyte)
	}
	for _, line := range flag.Args() {
		fmt.Fprintln(out, line)
	}
	out.Flush()
	last := flag.Arg(flag.NArg() - 1)
	if *message {
		if err := os.WriteFile("/dev/termination-log", []byte(last), 0o600); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	switch {
	case *every > 0:
		for tick := time.Tick(*every); ; {
			select {
			case <-tick:
				fmt.Println(last)
			case <-stop:
				return
			}
		}
	case *wait:
		<-stop
	}
}
