# Stand-in for node:22-alpine; `ensure` puts rootfs.tar beside this file.
FROM scratch
ADD rootfs.tar /
LABEL dialup.stand-in=node
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
    npm_config_cafile=/etc/ssl/certs/ca-certificates.crt \
    npm_config_fetch_retries=1 \
    npm_config_update_notifier=false
CMD ["node"]
