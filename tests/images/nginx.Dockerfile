# Stand-in for nginx:alpine; `ensure` puts rootfs.tar beside this file.
FROM scratch
ADD rootfs.tar /
LABEL dialup.stand-in=nginx
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
EXPOSE 80
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
