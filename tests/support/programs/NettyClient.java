// SPDX-License-Identifier: Apache-2.0
// NettyClient nio|epoll HOST PORT N: GETs / N times, and connects to the port above, where nobody listens. The epoll
// transport puts a channel into its set before it connects it; it needs a native library, which Debian does not have.
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.net.ConnectException;
import java.nio.charset.StandardCharsets;

class NettyClient {
  static class Body extends SimpleChannelInboundHandler<ByteBuf> {
    final StringBuilder text = new StringBuilder();

    @Override
    public void channelActive(ChannelHandlerContext context) {
      String request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
      context.writeAndFlush(Unpooled.copiedBuffer(request, StandardCharsets.US_ASCII));
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, ByteBuf data) {
      text.append(data.toString(StandardCharsets.US_ASCII));
    }
  }

  final EventLoopGroup group;
  final Class<? extends SocketChannel> channel;
  final String host;

  NettyClient(boolean epoll, String host) {
    group = epoll ? new EpollEventLoopGroup(2) : new NioEventLoopGroup(2);
    channel = epoll ? EpollSocketChannel.class : NioSocketChannel.class;
    this.host = host;
  }

  Channel connect(Body body, int port) throws Exception {
    return new Bootstrap().group(group).channel(channel).handler(body).connect(host, port).sync().channel();
  }

  public static void main(String[] words) throws Exception {
    NettyClient client = new NettyClient(words[0].equals("epoll"), words[1]);
    int port = Integer.parseInt(words[2]);
    for (int i = 0; i < Integer.parseInt(words[3]); i++) {
      Body body = new Body();
      client.connect(body, port).closeFuture().sync();
      System.out.print(body.text.substring(body.text.indexOf("\r\n\r\n") + 4));
    }
    try {
      client.connect(new Body(), port + 1);
    } catch (ConnectException refused) {
      System.out.println("refused");
    }
    client.group.shutdownGracefully(0, 1, java.util.concurrent.TimeUnit.SECONDS);
  }
}
