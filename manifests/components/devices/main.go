// SPDX-License-Identifier: Apache-2.0

// Command device-plugin offers a node's devices to the kubelet, by its device plugin interface v1beta1. It decides
// nothing: which devices there are, and what a container is given with each, is in the file that it is started with.
//
//	device-plugin SETTINGS           serve; register again whenever a kubelet starts
//	device-plugin --cdi FILE...      tell as JSON what these CDI specifications name
//	device-plugin --version
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	api "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
	"tags.cncf.io/container-device-interface/pkg/cdi"
)

var version = "unknown" // by -ldflags: the kubelet interface's

// settings is what launcher/devices/settings.cc writes.
type settings struct {
	Resources []resource `json:"resources"`
}

type resource struct {
	Name    string   `json:"name"`
	Devices []device `json:"devices"`
}

type device struct {
	ID    string   `json:"id"`
	Nodes []string `json:"nodes"` // given to a container at their own paths
	CDI   []string `json:"cdi"`   // or by these names, which containerd knows
}

// plugin serves one resource; its devices never change.
type plugin struct {
	api.UnimplementedDevicePluginServer
	resource resource
	server   *grpc.Server
	socket   string
}

func (p *plugin) GetDevicePluginOptions(context.Context, *api.Empty) (*api.DevicePluginOptions, error) {
	return &api.DevicePluginOptions{}, nil
}

func (p *plugin) ListAndWatch(_ *api.Empty, stream grpc.ServerStreamingServer[api.ListAndWatchResponse]) error {
	list := &api.ListAndWatchResponse{}
	for _, d := range p.resource.Devices {
		list.Devices = append(list.Devices, &api.Device{ID: d.ID, Health: api.Healthy})
	}
	if err := stream.Send(list); err != nil {
		return err
	}
	log.Printf("%s: %d offered", p.resource.Name, len(list.Devices))
	<-stream.Context().Done()
	return nil
}

// GetPreferredAllocation is never asked for (GetDevicePluginOptions).
func (p *plugin) GetPreferredAllocation(context.Context, *api.PreferredAllocationRequest) (*api.PreferredAllocationResponse, error) {
	return &api.PreferredAllocationResponse{}, nil
}

func (p *plugin) PreStartContainer(context.Context, *api.PreStartContainerRequest) (*api.PreStartContainerResponse, error) {
	return &api.PreStartContainerResponse{}, nil
}

func (p *plugin) Allocate(_ context.Context, request *api.AllocateRequest) (*api.AllocateResponse, error) {
	response := &api.AllocateResponse{}
	for _, container := range request.ContainerRequests {
		given, err := p.give(container.DevicesIds)
		if err != nil {
			return nil, err
		}
		response.ContainerResponses = append(response.ContainerResponses, given)
	}
	return response, nil
}

// give joins what the devices of these ids consist of; a node or name that several share is given once.
func (p *plugin) give(ids []string) (*api.ContainerAllocateResponse, error) {
	given := &api.ContainerAllocateResponse{}
	seen := map[string]bool{}
	for _, id := range ids {
		d := p.find(id)
		if d == nil {
			return nil, status.Errorf(codes.InvalidArgument, "%s has no device %q", p.resource.Name, id)
		}
		for _, node := range d.Nodes {
			if !seen[node] {
				given.Devices = append(given.Devices, &api.DeviceSpec{ContainerPath: node, HostPath: node, Permissions: "rw"})
			}
			seen[node] = true
		}
		for _, name := range d.CDI {
			if !seen[name] {
				given.CdiDevices = append(given.CdiDevices, &api.CDIDevice{Name: name})
			}
			seen[name] = true
		}
	}
	return given, nil
}

func (p *plugin) find(id string) *device {
	for i := range p.resource.Devices {
		if p.resource.Devices[i].ID == id {
			return &p.resource.Devices[i]
		}
	}
	return nil
}

// start listens on the plugin's socket and registers with the kubelet, which then calls back.
func (p *plugin) start() error {
	if err := os.Remove(p.socket); err != nil && !os.IsNotExist(err) {
		return err
	}
	listener, err := net.Listen("unix", p.socket)
	if err != nil {
		return err
	}
	p.server = grpc.NewServer()
	api.RegisterDevicePluginServer(p.server, p)
	go p.server.Serve(listener) //nolint:errcheck // ends when the server is stopped
	connection, err := grpc.NewClient("unix:"+api.KubeletSocket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, err = api.NewRegistrationClient(connection).Register(ctx, &api.RegisterRequest{
		Version: api.Version, Endpoint: filepath.Base(p.socket), ResourceName: p.resource.Name, Options: &api.DevicePluginOptions{},
	}, grpc.WaitForReady(true)) // the socket is there a moment before it answers
	return err
}

// serve never returns without an error: whoever started us starts us again.
func serve(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var wanted settings
	if err := json.Unmarshal(text, &wanted); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := os.MkdirAll(api.DevicePluginPath, 0o750); err != nil { // the kubelet may come later
		return err
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	if err := watcher.Add(api.DevicePluginPath); err != nil {
		return err
	}
	var plugins []*plugin
	restart := func() error {
		for _, p := range plugins {
			p.server.Stop()
		}
		plugins = nil
		for i, r := range wanted.Resources {
			p := &plugin{resource: r, socket: fmt.Sprintf("%ssublet-%d.sock", api.DevicePluginPath, i)}
			if err := p.start(); err != nil {
				return fmt.Errorf("%s: %w", r.Name, err)
			}
			plugins = append(plugins, p)
		}
		return nil
	}
	// The watch was there first: a kubelet that comes in between is seen twice, not never.
	if _, err := os.Stat(api.KubeletSocket); err == nil {
		if err := restart(); err != nil {
			return err
		}
	}
	for {
		select {
		// A kubelet that starts removes all sockets, makes its own and knows nobody.
		case event := <-watcher.Events:
			if event.Has(fsnotify.Create) && event.Name == api.KubeletSocket {
				if err := restart(); err != nil {
					return err
				}
			}
		case err := <-watcher.Errors:
			return err
		}
	}
}

// named is what one CDI specification says of one device.
type named struct {
	Name   string   `json:"name"`   // "nvidia.com/gpu=0"
	Nodes  []string `json:"nodes"`  // the device's own, on the host
	Mounts []string `json:"mounts"` // sources on the host, those for all devices of the file too
}

type specification struct {
	File    string  `json:"file"`
	Error   string  `json:"error"`
	Devices []named `json:"devices"`
}

func read(file string) specification {
	told := specification{File: file, Devices: []named{}}
	spec, err := cdi.ReadSpec(file, 0)
	if err != nil {
		told.Error = err.Error()
		return told
	}
	for _, d := range spec.Devices {
		n := named{Name: spec.Kind + "=" + d.Name, Nodes: []string{}, Mounts: []string{}}
		for _, node := range d.ContainerEdits.DeviceNodes {
			host := node.HostPath
			if host == "" {
				host = node.Path
			}
			n.Nodes = append(n.Nodes, host)
		}
		for _, mount := range append(spec.ContainerEdits.Mounts, d.ContainerEdits.Mounts...) {
			n.Mounts = append(n.Mounts, mount.HostPath)
		}
		told.Devices = append(told.Devices, n)
	}
	return told
}

func main() {
	log.SetFlags(log.LstdFlags | log.LUTC)
	switch {
	case len(os.Args) == 2 && os.Args[1] == "--version":
		fmt.Println("device-plugin", version)
	case len(os.Args) > 2 && os.Args[1] == "--cdi":
		all := []specification{}
		for _, file := range os.Args[2:] {
			all = append(all, read(file))
		}
		if err := json.NewEncoder(os.Stdout).Encode(all); err != nil {
			log.Fatal(err)
		}
	case len(os.Args) == 2 && os.Args[1][0] != '-':
		log.Fatal(serve(os.Args[1]))
	default:
		fmt.Fprintln(os.Stderr, "usage: device-plugin SETTINGS | --cdi FILE... | --version")
		os.Exit(2)
	}
}
